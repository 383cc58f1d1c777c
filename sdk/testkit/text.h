/* Growing texts of the test kit; always zero-terminated. */
#ifndef SKEP_TESTKIT_TEXT_H
#define SKEP_TESTKIT_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "skep/abi/base.h"

typedef struct text {
  char* p; /* null when nothing was ever added */
  size_t n;
} text;

static inline void* need(void* p) {
  if (p == NULL) abort();
  return p;
}

static inline void text_add(text* t, const void* bytes, size_t n) {
  t->p = need(realloc(t->p, t->n + n + 1));
  if (n > 0) memcpy(t->p + t->n, bytes, n);
  t->n += n;
  t->p[t->n] = 0;
}

static inline void text_add_view(text* t, skep_view v) { text_add(t, v.p, (size_t)v.n); }
static inline void text_add_str(text* t, const char* s) { text_add(t, s, strlen(s)); }

static inline void text_set(text* t, skep_view v) {
  t->n = 0;
  text_add_view(t, v);
}

static inline const char* text_str(const text* t) { return t->p != NULL ? t->p : ""; }
static inline void text_free(text* t) { free(t->p); }

static inline skep_view view_of(const char* s) {
  skep_view v;
  v.p = s;
  v.n = strlen(s);
  return v;
}

static inline skep_view view_of_text(const text* t) {
  skep_view v;
  v.p = text_str(t);
  v.n = t->n;
  return v;
}

/* How a line of a log begins. */
static inline const char* level_word(uint32_t level) {
  static const char* const words[] = {"debug ", "info ", "warn ", "error "};
  return level < 4 ? words[level] : "? ";
}

/* Writes `message` into the caller's buffer; returns `code`. */
static inline skep_rc refuse(skep_err* err, skep_rc code, const char* message) {
  if (err != NULL && err->text != NULL) {
    const size_t n = strlen(message);
    err->n = (uint32_t)(n < err->cap ? n : err->cap);
    memcpy(err->text, message, err->n);
    err->retry_ms = 0;
  }
  return code;
}

#endif
