"""`edge learn`: files read in a process of their own, embedded several at a time, written document by document."""
