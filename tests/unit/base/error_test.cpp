#include "core/base/error.hpp"

#include <gtest/gtest.h>
#include <skep/abi/base.h>

#include <array>
#include <cerrno>
#include <set>

namespace skep {
namespace {

struct Pair {
  Code code;
  std::int32_t abi;
};
constexpr std::array kPairs{
    Pair{Code::kCancelled, SKEP_E_CANCELLED},     Pair{Code::kDeadline, SKEP_E_DEADLINE},
    Pair{Code::kInvalid, SKEP_E_INVALID},         Pair{Code::kNotFound, SKEP_E_NOT_FOUND},
    Pair{Code::kUnsupported, SKEP_E_UNSUPPORTED}, Pair{Code::kBusy, SKEP_E_BUSY},
    Pair{Code::kUnavailable, SKEP_E_UNAVAILABLE}, Pair{Code::kDenied, SKEP_E_DENIED},
    Pair{Code::kConfig, SKEP_E_CONFIG},           Pair{Code::kState, SKEP_E_STATE},
    Pair{Code::kNoMemory, SKEP_E_NO_MEMORY},      Pair{Code::kCorrupt, SKEP_E_CORRUPT},
    Pair{Code::kInternal, SKEP_E_INTERNAL},       Pair{Code::kFailed, SKEP_E_FAILED},
    Pair{Code::kNotHere, SKEP_E_NOT_HERE}};

TEST(ErrorTable, has_the_numbers_of_the_plugin_abi) {
  for (const Pair& p : kPairs) {
    EXPECT_EQ(static_cast<std::int32_t>(p.code), p.abi);
    EXPECT_EQ(code_from_abi(p.abi), p.code);
  }
}

TEST(ErrorTable, has_one_row_and_one_name_for_each_code) {
  std::set<std::string_view> names;
  for (const Pair& p : kPairs) {
    EXPECT_EQ(info(p.code).code, p.code);
    names.insert(info(p.code).name);
    EXPECT_GE(info(p.code).http_status, 400);
    EXPECT_LT(info(p.code).http_status, 600);
    EXPECT_GT(info(p.code).exit_code, 0);
  }
  EXPECT_EQ(names.size(), kPairs.size());
}

TEST(ErrorTable, has_the_exit_codes_that_scripts_rely_on) {
  EXPECT_EQ(info(Code::kInvalid).exit_code, 2);
  EXPECT_EQ(info(Code::kNotFound).exit_code, 3);
  EXPECT_EQ(info(Code::kDenied).exit_code, 4);
  EXPECT_EQ(info(Code::kState).exit_code, 5);
  EXPECT_EQ(info(Code::kDeadline).exit_code, 7);
  EXPECT_EQ(info(Code::kUnavailable).exit_code, 8);
  EXPECT_EQ(info(Code::kConfig).exit_code, 78);
  EXPECT_EQ(info(Code::kCancelled).exit_code, 130);
}

TEST(ErrorTable, retries_only_what_the_abi_calls_retryable_and_a_full_disk) {
  std::set<Code> retryable;
  for (const Pair& p : kPairs)
    if (is_retryable(p.code)) retryable.insert(p.code);
  EXPECT_EQ(retryable,
            (std::set<Code>{Code::kBusy, Code::kUnavailable, Code::kNoMemory, Code::kNotHere}));
}

TEST(ErrorTable, reads_unknown_numbers_as_internal) {
  for (const std::int32_t rc : {-16, -1000, 1, 7, INT32_MIN, INT32_MAX})
    EXPECT_EQ(code_from_abi(rc), Code::kInternal) << rc;
}

TEST(Error, keeps_code_and_next_step_when_context_is_put_in_front) {
  const Error e = unavailable("connection refused").with_next("skep doctor").named("no-db");
  const Error outer = e.within("open queue");
  EXPECT_EQ(outer.message, "open queue: connection refused");
  EXPECT_EQ(outer.code, Code::kUnavailable);
  EXPECT_EQ(outer.next, "skep doctor");
  EXPECT_EQ(outer.id(), "no-db");
}

TEST(Error, goes_by_the_name_of_its_code_when_it_has_none) {
  EXPECT_EQ(not_found("task", "17").id(), "not-found");
  EXPECT_EQ(not_found("task", "17").message, "no task \"17\"");
}

TEST(Error, tells_a_full_disk_from_a_missing_right_and_a_missing_file) {
  EXPECT_EQ(errno_error("write", ENOSPC).code, Code::kNoMemory);
  EXPECT_EQ(errno_error("write", EDQUOT).code, Code::kNoMemory);
  EXPECT_EQ(errno_error("open", EACCES).code, Code::kDenied);
  EXPECT_EQ(errno_error("open", ENOENT).code, Code::kNotFound);
  EXPECT_EQ(errno_error("open", EIO).code, Code::kInternal);
  EXPECT_EQ(errno_error("open x", ENOENT).message, "open x: No such file or directory (errno 2)");
}

}  // namespace
}  // namespace skep
