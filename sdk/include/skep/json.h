/* Reads JSON in C without allocating: a pull reader, and values by JSON Pointer (RFC 6901).
 *
 *   char name[64];
 *   int64_t times = 1;
 *   skep_rc rc = skep_json_text(request, "/params/name", name, sizeof(name), NULL);
 *   if (rc == SKEP_OK) rc = skep_json_int(request, "/params/times", &times);
 *
 * Strict as RFC 8259 and UTF-8; containers at most 64 deep. Of a member that is given twice the
 * first counts. All functions: [any], no state but the arguments'. */
#ifndef SKEP_JSON_H
#define SKEP_JSON_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "skep/abi/base.h"

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

#define SKEP_JSON_MAX_DEPTH 64
#define SKEP_JSON_MAX_NUMBER 127 /* characters of one number */

typedef enum skep_json_token {
  SKEP_JSON_ERROR,  /* no JSON; `text` is where, and it stays so */
  SKEP_JSON_END,    /* after the document */
  SKEP_JSON_OBJECT, /* '{': then KEY and a value each, and OBJECT_END */
  SKEP_JSON_OBJECT_END,
  SKEP_JSON_ARRAY, /* '[' */
  SKEP_JSON_ARRAY_END,
  SKEP_JSON_KEY,    /* `text`, `n`: between the quotes, escapes as they stand */
  SKEP_JSON_STRING, /* the same */
  SKEP_JSON_NUMBER, /* as it stands */
  SKEP_JSON_TRUE,
  SKEP_JSON_FALSE,
  SKEP_JSON_NULL
} skep_json_token;

/* Copy it to remember a place. Fields behind `n` are the reader's own. */
typedef struct skep_json {
  skep_json_token token; /* the last one read */
  const char* text;
  uint64_t n;
  const char* at;
  const char* end;
  uint64_t objects; /* a bit a level: 1 = an object */
  int depth;
  int expect;
} skep_json;

enum {
  SKEP_JSON_WANT_VALUE,
  SKEP_JSON_WANT_VALUE_OR_END,
  SKEP_JSON_WANT_KEY,
  SKEP_JSON_WANT_KEY_OR_END,
  SKEP_JSON_WANT_COMMA_OR_END,
  SKEP_JSON_WANT_NOTHING
};

/* `json` must outlive what is read of it. */
static inline void skep_json_open(skep_json* j, skep_view json) {
  memset(j, 0, sizeof(*j));
  j->at = json.n == 0 ? "" : (const char*)json.p;
  j->end = j->at + json.n;
  j->text = j->at;
  j->expect = SKEP_JSON_WANT_VALUE;
}

static inline skep_json_token skep_json_fail(skep_json* j) {
  j->text = j->at;
  j->n = 0;
  return j->token = SKEP_JSON_ERROR;
}

static inline int skep_json_peek(const skep_json* j) {
  return j->at < j->end ? (unsigned char)*j->at : -1;
}

static inline void skep_json_space(skep_json* j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
    ++j->at;
}

static inline int skep_json_is_object(const skep_json* j) {
  return j->depth > 0 && (int)((j->objects >> (j->depth - 1)) & 1u);
}

static inline void skep_json_ended(skep_json* j) {
  j->expect = j->depth > 0 ? SKEP_JSON_WANT_COMMA_OR_END : SKEP_JSON_WANT_NOTHING;
}

/* The value of four hexadecimal digits, or -1. */
static inline int32_t skep_json_hex4(const char* p, const char* end) {
  int32_t out = 0;
  int i;
  if (end - p < 4) return -1;
  for (i = 0; i < 4; ++i) {
    const char c = p[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    out = out * 16 + digit;
  }
  return out;
}

/* Bytes of the well-formed UTF-8 character at `p`, 0 = there is none. */
static inline int skep_json_utf8(const char* p, const char* end) {
  const unsigned char* u = (const unsigned char*)p;
  const int n = u[0] < 0x80   ? 1
                : u[0] < 0xc2 ? 0
                : u[0] < 0xe0 ? 2
                : u[0] < 0xf0 ? 3
                : u[0] < 0xf5 ? 4
                              : 0;
  int i;
  if (n == 0 || end - p < n) return 0;
  for (i = 1; i < n; ++i)
    if ((u[i] & 0xc0) != 0x80) return 0;
  if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
      (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
    return 0;
  return n;
}

/* Decodes one character of a string at *p and moves on; its bytes in `out`. 0 = it is none. */
static inline int skep_json_char(const char** p, const char* end, char out[4]) {
  static const char names[] = "\"\\/bfnrt";
  static const char values[] = "\"\\/\b\f\n\r\t";
  const char* s = *p;
  const char* found;
  int32_t code;
  int i;
  if (s >= end || (unsigned char)*s < 0x20) return 0;
  if (*s != '\\') {
    const int n = skep_json_utf8(s, end);
    for (i = 0; i < n; ++i) out[i] = s[i];
    *p = s + n;
    return n;
  }
  if (end - s < 2) return 0;
  if (s[1] != 'u') {
    found = s[1] == '\0' ? NULL : strchr(names, s[1]);
    if (found == NULL) return 0;
    out[0] = values[found - names];
    *p = s + 2;
    return 1;
  }
  code = skep_json_hex4(s + 2, end);
  s += 6;
  if (code < 0 || (code >= 0xdc00 && code < 0xe000)) return 0;
  if (code >= 0xd800 && code < 0xdc00) {
    const int32_t low =
        end - s >= 6 && s[0] == '\\' && s[1] == 'u' ? skep_json_hex4(s + 2, end) : -1;
    if (low < 0xdc00 || low > 0xdfff) return 0;
    code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
    s += 6;
  }
  *p = s;
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  i = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  out[0] = (char)((i == 2 ? 0xc0 : i == 3 ? 0xe0 : 0xf0) | (code >> (6 * (i - 1))));
  {
    int k;
    for (k = 1; k < i; ++k) out[k] = (char)(0x80 | ((code >> (6 * (i - 1 - k))) & 0x3f));
  }
  return i;
}

static inline skep_json_token skep_json_string_token(skep_json* j, skep_json_token token) {
  char ignored[4];
  const char* begin = ++j->at;
  while (j->at < j->end && *j->at != '"')
    if (skep_json_char(&j->at, j->end, ignored) == 0) return skep_json_fail(j);
  if (j->at >= j->end) return skep_json_fail(j);
  j->text = begin;
  j->n = (uint64_t)(j->at - begin);
  ++j->at;
  return j->token = token;
}

static inline int skep_json_digits(skep_json* j) {
  const char* begin = j->at;
  while (j->at < j->end && *j->at >= '0' && *j->at <= '9') ++j->at;
  return j->at > begin;
}

static inline skep_json_token skep_json_number_token(skep_json* j) {
  const char* begin = j->at;
  if (skep_json_peek(j) == '-') ++j->at;
  if (skep_json_peek(j) == '0')
    ++j->at;
  else if (!skep_json_digits(j))
    return skep_json_fail(j);
  if (skep_json_peek(j) == '.') {
    ++j->at;
    if (!skep_json_digits(j)) return skep_json_fail(j);
  }
  if (skep_json_peek(j) == 'e' || skep_json_peek(j) == 'E') {
    ++j->at;
    if (skep_json_peek(j) == '+' || skep_json_peek(j) == '-') ++j->at;
    if (!skep_json_digits(j)) return skep_json_fail(j);
  }
  if (j->at - begin > SKEP_JSON_MAX_NUMBER) return skep_json_fail(j);
  j->text = begin;
  j->n = (uint64_t)(j->at - begin);
  skep_json_ended(j);
  return j->token = SKEP_JSON_NUMBER;
}

static inline skep_json_token skep_json_word(skep_json* j, const char* word,
                                             skep_json_token token) {
  const size_t n = strlen(word);
  if ((size_t)(j->end - j->at) < n || memcmp(j->at, word, n) != 0) return skep_json_fail(j);
  j->text = j->at;
  j->n = n;
  j->at += n;
  skep_json_ended(j);
  return j->token = token;
}

static inline skep_json_token skep_json_push(skep_json* j, int object) {
  if (j->depth == SKEP_JSON_MAX_DEPTH) return skep_json_fail(j);
  j->objects &= ~(UINT64_C(1) << j->depth);
  j->objects |= (uint64_t)object << j->depth;
  ++j->depth;
  j->text = j->at++;
  j->n = 1;
  j->expect = object ? SKEP_JSON_WANT_KEY_OR_END : SKEP_JSON_WANT_VALUE_OR_END;
  return j->token = object ? SKEP_JSON_OBJECT : SKEP_JSON_ARRAY;
}

static inline skep_json_token skep_json_pop(skep_json* j) {
  const int object = skep_json_is_object(j);
  --j->depth;
  j->text = j->at++;
  j->n = 1;
  skep_json_ended(j);
  return j->token = object ? SKEP_JSON_OBJECT_END : SKEP_JSON_ARRAY_END;
}

/* The next token. After ERROR and END it stays. */
static inline skep_json_token skep_json_next(skep_json* j) {
  int c;
  if (j->token == SKEP_JSON_ERROR && j->expect < 0) return j->token;
  skep_json_space(j);
  c = skep_json_peek(j);
  if (j->expect == SKEP_JSON_WANT_NOTHING && c < 0) {
    j->n = 0;
    return j->token = SKEP_JSON_END;
  }
  if (j->expect == SKEP_JSON_WANT_COMMA_OR_END && c == ',') {
    j->expect = skep_json_is_object(j) ? SKEP_JSON_WANT_KEY : SKEP_JSON_WANT_VALUE;
    ++j->at;
    skep_json_space(j);
    c = skep_json_peek(j);
  } else if (j->depth > 0 && c == (skep_json_is_object(j) ? '}' : ']') &&
             (j->expect == SKEP_JSON_WANT_COMMA_OR_END || j->expect == SKEP_JSON_WANT_KEY_OR_END ||
              j->expect == SKEP_JSON_WANT_VALUE_OR_END)) {
    return skep_json_pop(j);
  }
  if (j->expect == SKEP_JSON_WANT_KEY || j->expect == SKEP_JSON_WANT_KEY_OR_END) {
    if (c == '"' && skep_json_string_token(j, SKEP_JSON_KEY) == SKEP_JSON_KEY) {
      skep_json_space(j);
      if (skep_json_peek(j) == ':') {
        ++j->at;
        j->expect = SKEP_JSON_WANT_VALUE;
        return SKEP_JSON_KEY;
      }
    }
  } else if (j->expect == SKEP_JSON_WANT_VALUE || j->expect == SKEP_JSON_WANT_VALUE_OR_END) {
    skep_json_token token = SKEP_JSON_ERROR;
    if (c == '{' || c == '[') {
      token = skep_json_push(j, c == '{');
    } else if (c == '"') {
      token = skep_json_string_token(j, SKEP_JSON_STRING);
      if (token != SKEP_JSON_ERROR) skep_json_ended(j);
    } else if (c == 't') {
      token = skep_json_word(j, "true", SKEP_JSON_TRUE);
    } else if (c == 'f') {
      token = skep_json_word(j, "false", SKEP_JSON_FALSE);
    } else if (c == 'n') {
      token = skep_json_word(j, "null", SKEP_JSON_NULL);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      token = skep_json_number_token(j);
    }
    if (token != SKEP_JSON_ERROR) return token;
  }
  j->expect = -1;
  return skep_json_fail(j);
}

/* Passes over the value that has just begun (OBJECT, ARRAY) or comes next (KEY); other tokens are
 * whole. 0 = an error. */
static inline int skep_json_skip(skep_json* j) {
  int depth;
  if (j->token == SKEP_JSON_KEY) skep_json_next(j);
  if (j->token != SKEP_JSON_OBJECT && j->token != SKEP_JSON_ARRAY)
    return j->token != SKEP_JSON_ERROR;
  depth = j->depth - 1;
  while (j->depth > depth)
    if (skep_json_next(j) == SKEP_JSON_ERROR) return 0;
  return 1;
}

/* Is this one whole document? */
static inline int skep_json_valid(skep_view json) {
  skep_json j;
  skep_json_open(&j, json);
  for (;;) {
    const skep_json_token token = skep_json_next(&j);
    if (token == SKEP_JSON_ERROR) return 0;
    if (token == SKEP_JSON_END) return 1;
  }
}

/* Does the KEY just read equal one step of a pointer, up to '/' or its end? */
static inline int skep_json_key_is(const skep_json* j, const char* step) {
  const char* at = j->text;
  const char* end = j->text + j->n;
  while (at < end) {
    char c[4];
    const int n = skep_json_char(&at, end, c);
    int i;
    for (i = 0; i < n; ++i) {
      char want = *step++;
      if (want == '\0' || want == '/') return 0;
      if (want == '~' && *step == '0')
        ++step;
      else if (want == '~' && *step == '1')
        want = '/', ++step;
      if (c[i] != want) return 0;
    }
  }
  return *step == '\0' || *step == '/';
}

/* Moves the reader to the value at `pointer` ("" = the whole, "/params/list/0"): its token is the
 * last one read. NOT_FOUND: there is none. INVALID: no JSON, as far as it was read. */
static inline skep_rc skep_json_find(skep_json* j, skep_view json, const char* pointer) {
  skep_json_open(j, json);
  skep_json_next(j);
  while (*pointer == '/' && j->token != SKEP_JSON_ERROR) {
    const char* step = ++pointer;
    uint64_t index = 0;
    int found = 0;
    while (*pointer != '\0' && *pointer != '/') ++pointer;
    if (j->token == SKEP_JSON_OBJECT) {
      while (!found && skep_json_next(j) == SKEP_JSON_KEY) {
        found = skep_json_key_is(j, step);
        if (found)
          skep_json_next(j);
        else
          skep_json_skip(j);
      }
    } else if (j->token == SKEP_JSON_ARRAY) {
      const char* digit = step;
      while (digit < pointer && *digit >= '0' && *digit <= '9' && index < UINT32_MAX)
        index = index * 10 + (uint64_t)(*digit++ - '0');
      if (digit < pointer || step == pointer || (*step == '0' && pointer - step > 1))
        return SKEP_E_NOT_FOUND;
      while (!found && skep_json_next(j) != SKEP_JSON_ARRAY_END && j->token != SKEP_JSON_ERROR) {
        found = index-- == 0;
        if (!found) skep_json_skip(j);
      }
    }
    if (!found && j->token != SKEP_JSON_ERROR) return SKEP_E_NOT_FOUND;
  }
  if (j->token == SKEP_JSON_ERROR) return SKEP_E_INVALID;
  return *pointer == '\0' ? SKEP_OK : SKEP_E_INVALID;
}

/* The text of the KEY or STRING just read, decoded and with a NUL behind it; `needed` (may be NULL)
 * gets its bytes without that. NO_MEMORY: `out` is too small and holds "". */
static inline skep_rc skep_json_copy(const skep_json* j, char* out, size_t cap, size_t* needed) {
  const char* at = j->text;
  const char* end = j->text + j->n;
  size_t n = 0;
  if (cap > 0) out[0] = '\0';
  if (j->token != SKEP_JSON_STRING && j->token != SKEP_JSON_KEY) return SKEP_E_INVALID;
  while (at < end) {
    char c[4];
    const int bytes = skep_json_char(&at, end, c);
    int i;
    if (bytes == 0) return SKEP_E_INVALID;
    for (i = 0; i < bytes; ++i, ++n)
      if (n + 1 < cap) out[n] = c[i];
  }
  if (needed != NULL) *needed = n;
  if (n + 1 > cap) {
    if (cap > 0) out[0] = '\0';
    return SKEP_E_NO_MEMORY;
  }
  out[n] = '\0';
  return SKEP_OK;
}

/* The NUMBER just read. */
static inline skep_rc skep_json_read_double(const skep_json* j, double* out) {
  char digits[SKEP_JSON_MAX_NUMBER + 1];
  char* end;
  double value;
  if (j->token != SKEP_JSON_NUMBER) return SKEP_E_INVALID;
  memcpy(digits, j->text, (size_t)j->n);
  digits[j->n] = '\0';
  value = strtod(digits, &end);
  if (*end == '.') { /* the locale's is a comma */
    *end = ',';
    value = strtod(digits, &end);
  }
  if (*end != '\0' || value - value != 0) return SKEP_E_INVALID;
  *out = value;
  return SKEP_OK;
}

/* INVALID also for 1.5, and for an integer that does not fit. 1.0 and 1e3 are integers. */
static inline skep_rc skep_json_read_int(const skep_json* j, int64_t* out) {
  const char* at = j->text;
  const char* end = j->text + j->n;
  const int minus = j->n > 0 && *at == '-';
  uint64_t value = 0;
  double real;
  if (j->token != SKEP_JSON_NUMBER) return SKEP_E_INVALID;
  for (at += minus; at < end && *at >= '0' && *at <= '9'; ++at) {
    const uint64_t digit = (uint64_t)(*at - '0');
    if (value > ((uint64_t)INT64_MAX + (uint64_t)minus - digit) / 10) return SKEP_E_INVALID;
    value = value * 10 + digit;
  }
  if (at == end) {
    *out = minus ? (value == 0 ? 0 : -(int64_t)(value - 1) - 1) : (int64_t)value;
    return SKEP_OK;
  }
  if (skep_json_read_double(j, &real) != SKEP_OK || !(real >= -9007199254740992.0) ||
      !(real <= 9007199254740992.0) || (double)(int64_t)real != real)
    return SKEP_E_INVALID;
  *out = (int64_t)real;
  return SKEP_OK;
}

/* Values by pointer. NOT_FOUND: there is none, or null; `out` stays as it was. INVALID: another
 * type, or no JSON. */
static inline skep_rc skep_json_value(skep_json* j, skep_view json, const char* pointer) {
  const skep_rc rc = skep_json_find(j, json, pointer);
  return rc == SKEP_OK && j->token == SKEP_JSON_NULL ? SKEP_E_NOT_FOUND : rc;
}
static inline skep_rc skep_json_text(skep_view json, const char* pointer, char* out, size_t cap,
                                     size_t* needed) {
  skep_json j;
  const skep_rc rc = skep_json_value(&j, json, pointer);
  if (rc != SKEP_OK) return rc;
  return j.token == SKEP_JSON_STRING ? skep_json_copy(&j, out, cap, needed) : SKEP_E_INVALID;
}
static inline skep_rc skep_json_int(skep_view json, const char* pointer, int64_t* out) {
  skep_json j;
  const skep_rc rc = skep_json_value(&j, json, pointer);
  return rc == SKEP_OK ? skep_json_read_int(&j, out) : rc;
}
static inline skep_rc skep_json_double(skep_view json, const char* pointer, double* out) {
  skep_json j;
  const skep_rc rc = skep_json_value(&j, json, pointer);
  return rc == SKEP_OK ? skep_json_read_double(&j, out) : rc;
}
static inline skep_rc skep_json_bool(skep_view json, const char* pointer, int* out) {
  skep_json j;
  const skep_rc rc = skep_json_value(&j, json, pointer);
  if (rc != SKEP_OK) return rc;
  if (j.token != SKEP_JSON_TRUE && j.token != SKEP_JSON_FALSE) return SKEP_E_INVALID;
  *out = j.token == SKEP_JSON_TRUE;
  return SKEP_OK;
}

/* Writes `text` as a JSON string with its quotes and a NUL behind it, and returns the bytes without
 * that; as many as fit in `cap`, so more than `cap` - 1 = cut: try again with more. What is not
 * UTF-8 becomes U+FFFD. */
static inline size_t skep_json_quote(char* out, size_t cap, const void* text, size_t size) {
  static const char hex[] = "0123456789abcdef";
  const char* at = (const char*)text;
  const char* end = at + size;
  size_t n = 0;
#define SKEP_JSON_PUT_(c)                \
  do {                                   \
    if (n + 1 < cap) out[n] = (char)(c); \
    ++n;                                 \
  } while (0)
  SKEP_JSON_PUT_('"');
  while (at < end) {
    const unsigned char c = (unsigned char)*at;
    const int bytes = skep_json_utf8(at, end);
    int i;
    if (bytes == 0) {
      SKEP_JSON_PUT_(0xef);
      SKEP_JSON_PUT_(0xbf);
      SKEP_JSON_PUT_(0xbd);
    } else if (c == '"' || c == '\\') {
      SKEP_JSON_PUT_('\\');
      SKEP_JSON_PUT_(c);
    } else if (c < 0x20) {
      SKEP_JSON_PUT_('\\');
      SKEP_JSON_PUT_('u');
      SKEP_JSON_PUT_('0');
      SKEP_JSON_PUT_('0');
      SKEP_JSON_PUT_(hex[c >> 4]);
      SKEP_JSON_PUT_(hex[c & 15]);
    } else {
      for (i = 0; i < bytes; ++i) SKEP_JSON_PUT_(at[i]);
    }
    at += bytes == 0 ? 1 : bytes;
  }
  SKEP_JSON_PUT_('"');
#undef SKEP_JSON_PUT_
  if (cap > 0) out[n < cap ? n : cap - 1] = '\0';
  return n;
}

#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#endif
