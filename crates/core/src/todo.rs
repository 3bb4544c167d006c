//! To-dos.
