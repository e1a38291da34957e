"""What is graded in the part "Transformers and large language models", one module a chapter."""
