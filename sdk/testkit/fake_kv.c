#define _POSIX_C_SOURCE 200809L
#include "fake_kv.h"

#define MAX_KEY 128
#define MAX_VALUE (64u << 10)
#define MAX_KEYS 1000

void fake_kv_init(fake_kv* kv) {
  kv->first = NULL;
  kv->count = 0;
  pthread_mutex_init(&kv->lock, NULL);
}

static int compare(skep_view a, skep_view b) {
  const size_t n = (size_t)(a.n < b.n ? a.n : b.n);
  const int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
  return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* Where `key` is, or where it belongs; under the lock. */
static fake_kv_entry** find(fake_kv* kv, skep_view key, int* found) {
  fake_kv_entry** at = &kv->first;
  int order = -1;
  while (*at != NULL && (order = compare(view_of_text(&(*at)->key), key)) < 0) at = &(*at)->next;
  *found = *at != NULL && order == 0;
  return at;
}

static void drop(fake_kv* kv, fake_kv_entry** at) {
  fake_kv_entry* e = *at;
  *at = e->next;
  text_free(&e->key);
  text_free(&e->value);
  free(e);
  kv->count--;
}

static void store(fake_kv* kv, fake_kv_entry** at, int found, skep_view key, skep_view value) {
  if (!found) {
    fake_kv_entry* e = need(calloc(1, sizeof(*e)));
    text_add_view(&e->key, key);
    e->next = *at;
    *at = e;
    kv->count++;
  }
  text_set(&(*at)->value, value);
}

void fake_kv_free(fake_kv* kv) {
  while (kv->first != NULL) drop(kv, &kv->first);
  pthread_mutex_destroy(&kv->lock);
}

static int is_key(skep_view key) {
  const char* p = key.p;
  uint64_t i;
  for (i = 0; i < key.n; ++i) {
    const char c = p[i];
    const int word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && c != '.' && c != '_' && c != '-') return 0;
  }
  return key.n >= 1 && key.n <= MAX_KEY;
}

static skep_rc check_key(skep_view key, skep_err* err) {
  if (is_key(key)) return SKEP_OK;
  return refuse(err, SKEP_E_INVALID, "kv key: 1 to 128 bytes of [A-Za-z0-9._-] are allowed");
}

skep_rc fake_kv_get(fake_kv* kv, skep_view key, text* value, skep_err* err) {
  fake_kv_entry** at;
  int found;
  if (check_key(key, err) != SKEP_OK) return SKEP_E_INVALID;
  pthread_mutex_lock(&kv->lock);
  at = find(kv, key, &found);
  if (found) text_set(value, view_of_text(&(*at)->value));
  pthread_mutex_unlock(&kv->lock);
  return found ? SKEP_OK : refuse(err, SKEP_E_NOT_FOUND, "no such key");
}

skep_rc fake_kv_put(fake_kv* kv, skep_view key, skep_view value, skep_err* err) {
  fake_kv_entry** at;
  int found;
  int full;
  if (check_key(key, err) != SKEP_OK) return SKEP_E_INVALID;
  if (value.n > MAX_VALUE) return refuse(err, SKEP_E_INVALID, "a kv value has at most 65536 bytes");
  pthread_mutex_lock(&kv->lock);
  at = find(kv, key, &found);
  full = !found && kv->count >= MAX_KEYS;
  if (!full) store(kv, at, found, key, value);
  pthread_mutex_unlock(&kv->lock);
  return full ? refuse(err, SKEP_E_NO_MEMORY, "a kv space has at most 1000 keys") : SKEP_OK;
}

skep_rc fake_kv_remove(fake_kv* kv, skep_view key, skep_err* err) {
  fake_kv_entry** at;
  int found;
  if (check_key(key, err) != SKEP_OK) return SKEP_E_INVALID;
  pthread_mutex_lock(&kv->lock);
  at = find(kv, key, &found);
  if (found) drop(kv, at);
  pthread_mutex_unlock(&kv->lock);
  return SKEP_OK;
}

void fake_kv_keys(fake_kv* kv, text* keys) {
  const fake_kv_entry* e;
  pthread_mutex_lock(&kv->lock);
  for (e = kv->first; e != NULL; e = e->next) text_add(keys, text_str(&e->key), e->key.n + 1);
  pthread_mutex_unlock(&kv->lock);
}

const char* fake_kv_peek(fake_kv* kv, skep_view key) {
  fake_kv_entry** at;
  const char* value;
  int found;
  pthread_mutex_lock(&kv->lock);
  at = find(kv, key, &found);
  value = found ? text_str(&(*at)->value) : NULL;
  pthread_mutex_unlock(&kv->lock);
  return value;
}

void fake_kv_set(fake_kv* kv, skep_view key, skep_view value) {
  fake_kv_entry** at;
  int found;
  pthread_mutex_lock(&kv->lock);
  at = find(kv, key, &found);
  store(kv, at, found, key, value);
  pthread_mutex_unlock(&kv->lock);
}
