"""The trusted side of grading: it starts players, asks their answers, and decides every mark."""
