#include <gtest/gtest.h>

#include "tests/unit/cli/cli_support.hpp"

namespace skep::cli {
namespace {

constexpr const char* kWorkerList = R"({"items":[
 {"worker_id":"worker-a","site":"site-a","status":"online","mode":"active",
  "last_seen_at":"2026-01-10T11:59:56Z","concurrency":8,"busy":3,"capabilities":{"docker":true,"gpu":false},
  "spool":{"ready":0,"bytes":0,"quarantined":0,"rejected":0,"degraded":false},"version":"0.1.0",
  "types":[{"name":"collect_facts"}],"host":"h","pid":7,"rss_bytes":2097152},
 {"worker_id":"worker-c","site":"site-c","status":"offline","mode":"paused",
  "last_seen_at":"2026-01-10T11:54:00Z","concurrency":4,"busy":0,"capabilities":{},
  "spool":{"ready":12,"bytes":4096,"quarantined":1,"rejected":0,"degraded":false},"pid":8}]})";

TEST(WorkerList, shows_state_age_slots_spool_and_what_needs_action) {
  const Ran ran = run_cli({"worker", "list"}, {{200, kWorkerList}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(
      ran.out,
      "ID        SITE    STATE    SEEN  TASKS  SPOOL  NOTE\n"
      "worker-a  site-a  online   4s    3/8    0\n"
      "worker-c  site-c  offline  6m    0/4    12     1 quarantined; paused; held 12 results when "
      "last seen; gone for good? skep worker remove worker-c\n");
  EXPECT_EQ(ran.err, "2 workers, 1 offline\n");
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/workers");
}

TEST(WorkerList, advises_to_remove_nobody_right_after_a_start) {
  const Ran ran = run_cli({"worker", "list"}, {{200, R"({"items":[
    {"worker_id":"a","site":"s","status":"offline","mode":"active","is_awaited":true}]})"}});
  EXPECT_NE(ran.out.find("the control plane has just started and waits for it"), std::string::npos)
      << ran.out;
  EXPECT_EQ(ran.out.find("remove"), std::string::npos) << ran.out;
}

TEST(WorkerList, says_of_one_that_is_there_whether_it_drains) {
  const Ran ran = run_cli({"worker", "list"}, {{200, R"({"items":[
    {"worker_id":"a","site":"s","status":"online","mode":"draining","concurrency":2,"busy":1},
    {"worker_id":"b","site":"s","status":"late","mode":"paused","concurrency":2,"busy":0}]})"}});
  EXPECT_EQ(ran.out,
            "ID  SITE  STATE     SEEN  TASKS  SPOOL  NOTE\n"
            "a   s     draining  -     1/2    0\n"
            "b   s     late      -     0/2    0      paused\n");
  EXPECT_EQ(ran.err, "2 workers, 1 draining, 1 late\n");
}

TEST(WorkerList, adds_columns_when_wide) {
  const Ran ran = run_cli({"worker", "list", "-o", "wide"}, {{200, kWorkerList}});
  EXPECT_NE(ran.out.find("2.0 MiB  0.1.0    docker        collect_facts"), std::string::npos)
      << ran.out;
}

TEST(Workers, are_removed_by_id) {
  const Ran ran =
      run_cli({"worker", "remove", "old"}, {{200, R"({"worker_id":"old","status":"removed"})"}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "worker old removed\n");
  EXPECT_EQ(ran.requests.at(0).method, "DELETE");
  EXPECT_EQ(ran.requests.at(0).url, "http://127.0.0.1:9595/api/workers/old");
}

TEST(WorkerList, fits_a_terminal_of_80_columns) {  // O13
  FakeControl control({{200, kWorkerList}});
  const Ran ran = control.run({"worker", "list", "--color", "never"}, {}, "", true);
  EXPECT_EQ(ran.out,
            "ID        SITE    STATE    SEEN  TASKS  SPOOL  NOTE\n"
            "worker-a  site-a  online   4s    3/8    0\n"
            "worker-c  site-c  offline  6m    0/4    12\n"
            "    1 quarantined; paused; held 12 results when last seen; gone for good? skep\n"
            "    worker remove worker-c\n");
}

TEST(WorkerList, notes_what_keeps_a_worker_from_its_work) {
  const Ran ran =
      run_cli({"worker", "list"},
              {{200, R"({"items":[{"worker_id":"w","status":"online","mode":"active",)"
                     R"("troubles":["the disk is full","too few\u001b descriptors"]}]})"}});
  EXPECT_NE(ran.out.find("  the disk is full; too few\\x1b descriptors\n"), std::string::npos)
      << ran.out;
}

TEST(Workers, are_found_by_the_beginning_of_their_id) {  // O13
  const Answer unknown{404, R"({"detail":"no worker \"worker-c0\"","code":"not-found"})"};
  const Ran one = run_cli({"worker", "drain", "worker-c"},
                          {unknown,
                           {200, R"({"items":[{"worker_id":"worker-c01"},{"worker_id":"b"}]})"},
                           {200, R"({"worker_id":"worker-c01","mode":"draining"})"}});
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, "worker worker-c01 draining\n");
  EXPECT_EQ(one.requests.at(2).url, "http://127.0.0.1:9595/api/workers/worker-c01/drain");
  const Ran several = run_cli(
      {"worker", "remove", "worker-c"},
      {unknown, {200, R"({"items":[{"worker_id":"worker-c1"},{"worker_id":"worker-c2"}]})"}});
  EXPECT_EQ(several.code, 2);
  EXPECT_EQ(several.requests.size(), 2u);
  EXPECT_NE(several.err.find("[ambiguous-id]\n  - worker-c1\n  - worker-c2\n"), std::string::npos)
      << several.err;
}

TEST(WorkerDrain, tries_every_id_and_ends_with_the_failure) {
  const Ran ran = run_cli({"worker", "drain", "nope", "worker-a"},
                          {{404, R"({"detail":"no worker \"nope\"","code":"not-found"})"},
                           {200, R"({"items":[{"worker_id":"worker-a"}]})"},
                           {200, R"({"worker_id":"worker-a","mode":"draining"})"}});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "worker worker-a draining\n");
  EXPECT_EQ(ran.err, "error: no worker \"nope\"   [not-found]\n");
  EXPECT_EQ(ran.requests.at(2).url, "http://127.0.0.1:9595/api/workers/worker-a/drain");
}

TEST(WorkerList, of_a_site_that_nobody_has_names_the_nearest) {
  const Ran ran = run_cli({"worker", "list", "--site", "sit-a"},
                          {{200, R"({"items":[]})"},
                           {200, R"({"items":[]})"},
                           {200, R"({"items":[{"worker_id":"w","site":"site-a"}]})"}});
  EXPECT_NE(ran.err.find("known sites: site-a; did you mean \"site-a\"?\n"), std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace skep::cli
