"""Task families, one a file. The file's name is the task's name."""
