"""What runs inside the walls: a process that forks players, and the kernel that plays a notebook.

Nothing here holds a reference, an expected value or a secret.
"""
