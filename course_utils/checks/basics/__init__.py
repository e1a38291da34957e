"""What is graded in the part "Basics", one module a chapter."""
