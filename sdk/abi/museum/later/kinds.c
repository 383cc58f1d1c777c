/* The plugin of all six kinds, built for a later minor: its structs and tables are longer than
 * those of any host of today. */
#include "../v1.0/kinds.c"
