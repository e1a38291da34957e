"""Reference implementations of the part "Basics", one module a chapter."""
