#include "core/app/open_error.hpp"

#include <gtest/gtest.h>

namespace skep::app {
namespace {

TEST(OpenError, names_the_key_whose_path_it_tells_and_how_to_look_there) {
  const std::string table = R"({"a":"/v","dir":"/v/offline","max_items":9,"mode":"start"})";
  const Error error = open_error("spool", table, unavailable("start: make /v/offline: denied"));
  EXPECT_EQ(error.message, "[spool] dir: start: make /v/offline: denied");
  EXPECT_EQ(error.next, "namei -l /v/offline");
  EXPECT_EQ(error.code, Code::kUnavailable);
  const Error full =
      open_error("queue", R"({"path":"/q.db"})", {Code::kNoMemory, "/q.db-wal: full"});
  EXPECT_EQ(full.message, "[queue] path: /q.db-wal: full");
  EXPECT_EQ(full.next, "df -h /q.db");
}

TEST(OpenError, keeps_what_the_error_knows_better) {
  const Error error = open_error("spool", R"({"dir":"/v"})", not_found("spool", "x"));
  EXPECT_EQ(error.message, "[spool]: no spool \"x\"");
  EXPECT_EQ(error.next, "skep plugin list");
  EXPECT_EQ(open_error("queue", "{}", config_error("/paht: unknown")).next,
            "skep config check -c FILE");
  EXPECT_EQ(open_error("spool", "{}", unavailable("x").with_next("skep plugin show x")).next,
            "skep plugin show x");
}

}  // namespace
}  // namespace skep::app
