/* A library that is only there. */
const int standin_empty = 0;
