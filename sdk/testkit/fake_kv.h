/* The values of a fake host, with the limits of the real one. All functions: any thread. */
#ifndef SKEP_TESTKIT_FAKE_KV_H
#define SKEP_TESTKIT_FAKE_KV_H

#include <pthread.h>

#include "text.h"

typedef struct fake_kv_entry {
  struct fake_kv_entry* next;
  text key, value;
} fake_kv_entry;

typedef struct fake_kv {
  pthread_mutex_t lock;
  fake_kv_entry* first; /* in the order of the keys */
  size_t count;
} fake_kv;

void fake_kv_init(fake_kv* kv);
void fake_kv_free(fake_kv* kv);

/* What skep.svc.kv answers. `value` becomes a copy. */
skep_rc fake_kv_get(fake_kv* kv, skep_view key, text* value, skep_err* err);
skep_rc fake_kv_put(fake_kv* kv, skep_view key, skep_view value, skep_err* err);
skep_rc fake_kv_remove(fake_kv* kv, skep_view key, skep_err* err);
/* All keys in order, each with a zero byte behind it. */
void fake_kv_keys(fake_kv* kv, text* keys);

/* The value in its place, until the key changes; null when there is none. */
const char* fake_kv_peek(fake_kv* kv, skep_view key);
/* Sets a value without a look at the limits. */
void fake_kv_set(fake_kv* kv, skep_view key, skep_view value);

#endif
