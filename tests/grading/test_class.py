"""A class goes through release, collect, grade, feedback and export with plain nbgrader; every mark is checked."""

from __future__ import annotations

import copy
import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

import conftest
from conftest import CHAPTER, LIMITS, WRITTEN, Classroom, answered, as_bytes, cell, choices, exercises, solutions
