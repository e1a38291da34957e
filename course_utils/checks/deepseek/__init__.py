"""What is graded in the part "DeepSeek innovations", one module a chapter."""
