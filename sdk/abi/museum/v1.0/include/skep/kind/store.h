/* Kind skep.kind.store/1: a relational engine for what the control plane keeps beside the queue.
 *
 * One portable SQL subset: parameters $1, $2, ..; INSERT .. ON CONFLICT .. DO UPDATE/NOTHING;
 * RETURNING; types BIGINT, DOUBLE PRECISION and TEXT; JSON as TEXT; times as BIGINT milliseconds
 * UTC; no schema names, no engine functions beyond coalesce, count, sum, min, max, length. */
#ifndef SKEP_KIND_STORE_H
#define SKEP_KIND_STORE_H

#include "skep/abi/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKEP_KIND_STORE "skep.kind.store/1"

#define SKEP_VALUE_NULL 0u
#define SKEP_VALUE_INT 1u  /* i */
#define SKEP_VALUE_REAL 2u /* d */
#define SKEP_VALUE_TEXT 3u /* s */

typedef struct skep_value {
  uint32_t type;
  uint32_t reserved;
  int64_t i;
  double d;
  skep_view s;
} skep_value;

typedef struct skep_statement {
  uint32_t size;
  uint32_t param_count;
  skep_view sql; /* one statement, no trailing semicolon needed */
  const skep_value* params;
  int64_t expect_changes; /* >= 0: the batch is rolled back with SKEP_E_STATE unless exactly so
                             many rows changed; < 0: any number */
} skep_statement;

/* Receives result rows, tagged with the statement's index. Values are valid during the call. */
typedef struct skep_store_rows {
  void* ctx;
  skep_rc (*row)(void* ctx, uint32_t statement, const skep_value* columns, uint32_t n);
} skep_store_rows;

typedef struct skep_store_v1 {
  uint32_t size;
  uint32_t flags;
  /* Runs the statements as one transaction: all or nothing, durable when it returns 0. On failure
   * err names the statement's index and the engine's words. [worker] */
  skep_rc (*batch)(skep_inst* inst, skep_call* call, const skep_statement* statements, uint32_t n,
                   const skep_store_rows* rows, skep_err* err);
  /* Runs one SELECT on a consistent snapshot without waiting for writers. [worker] */
  skep_rc (*query)(skep_inst* inst, skep_call* call, const skep_statement* statement,
                   const skep_store_rows* rows, skep_err* err);
  /* Brings the schema to the newest of `migrations` (statement i makes version i + 1), skipping
   * those already applied to this name; all in one transaction: a failed one leaves the schema as
   * it was. [control] */
  skep_rc (*migrate)(skep_inst* inst, skep_call* call, const char* name,
                     const skep_view* migrations, uint32_t n, skep_err* err);
} skep_store_v1;

#ifdef __cplusplus
}
#endif

#define SKEP_SIZE_1_0_STATEMENT 40u
#define SKEP_SIZE_1_0_STORE_V1 32u
#if UINTPTR_MAX == 0xffffffffffffffffu
SKEP_ASSERT_LAYOUT(sizeof(skep_value) == 40 && offsetof(skep_value, s) == 24);
SKEP_ASSERT_SIZE(skep_statement, SKEP_SIZE_1_0_STATEMENT);
SKEP_ASSERT_LAYOUT(offsetof(skep_statement, expect_changes) == 32);
SKEP_ASSERT_LAYOUT(sizeof(skep_store_rows) == 16 && offsetof(skep_store_rows, row) == 8);
SKEP_ASSERT_SIZE(skep_store_v1, SKEP_SIZE_1_0_STORE_V1);
SKEP_ASSERT_LAYOUT(offsetof(skep_store_v1, batch) == 8);
SKEP_ASSERT_LAYOUT(offsetof(skep_store_v1, query) == 16);
SKEP_ASSERT_LAYOUT(offsetof(skep_store_v1, migrate) == 24);
#endif

#endif
