//! People and departments.
