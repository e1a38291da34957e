"""What an author uses: the course map, the notebooks, the exercises, and new chapters."""
