#include "queue.hpp"
#include "store.hpp"

SKEP_PLUGIN(skep::component<skep::sqlite::SqliteQueue>("sqlite_queue"),
            skep::component<skep::sqlite::SqliteStore>("sqlite_store"))
