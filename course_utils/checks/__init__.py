"""What is graded: one module a chapter, declarations only."""
