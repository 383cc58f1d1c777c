// Artifacts and inputs on the control plane: brought in pieces, kept once, handed out, forgotten.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "bundle.hpp"
#include "core/base/text.hpp"
#include "core/control/artifacts/artifacts.hpp"

namespace skep::test {
namespace {

using net::HttpResponse;

constexpr std::int64_t kDayMs = 86'400'000;

class ArtifactsTest : public ControlTest {
 protected:
  control::Artifacts& artifacts() { return control.feature<control::Artifacts>(); }
  static std::string path_of(const std::string& sha256) {
    return folder->path() + "/artifacts/" + sha256;
  }
  static void age(const std::string& path) {
    const timespec old[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), old, 0), 0) << path;
  }

  HttpResponse put(const std::string& path, const std::string& bytes, std::size_t offset,
                   std::size_t size, const model::Lease& lease = {}) {
    std::map<std::string, std::string> query{{"offset", std::to_string(offset)},
                                             {"size", std::to_string(size)}};
    if (!lease.task_id.empty()) {
      query["task"] = lease.task_id;
      query["attempt"] = std::to_string(lease.attempt);
      query["lease"] = lease.lease_id;
    }
    return call("PUT", path, bytes, std::move(query));
  }
  static std::string of_worker(const std::string& id, const std::string& sha256) {
    return "/api/workers/" + id + "/artifacts/" + sha256;
  }
  static std::string code_of(const HttpResponse& r) {
    const auto parsed = parse_json(r.body);
    return parsed ? get_string(parsed->get_object(), "code") : r.body;
  }
  static std::int64_t received(const HttpResponse& r) {
    const auto progress = skep::api::decode_blob_progress(r.body);
    return progress ? progress->received : -1;
  }
  static std::string body_of(const HttpResponse& r) {
    if (!r.file) return r.body;
    std::string out(r.file->size, '\0');
    EXPECT_EQ(
        ::pread(r.file->file.get(), out.data(), out.size(), static_cast<off_t>(r.file->offset)),
        static_cast<ssize_t>(out.size()));
    return out;
  }
  static std::string header(const HttpResponse& r, const std::string& name) {
    for (const auto& [key, value] : r.headers)
      if (key == name) return value;
    return {};
  }

  model::Lease take_task(const std::string& worker = "w1") {
    enrol(worker);
    submit();
    return claim(worker, 1).at(0).lease;
  }
  void end_with(const model::Lease& lease, const std::string& worker,
                std::vector<model::Artifact> left) {
    model::Outcome outcome{model::OutcomeKind::kSucceeded, "{}"};
    outcome.artifacts = std::move(left);
    EXPECT_EQ(verdict_of(envelope(lease, worker, outcome)), "applied");
  }
  /// A task that has left `bytes` as "out.txt".
  model::Lease leave(const std::string& bytes, const std::string& name = "out.txt") {
    const model::Lease lease = take_task();
    const std::string sha256 = sha256_hex(bytes);
    EXPECT_EQ(put(of_worker("w1", sha256), bytes, 0, bytes.size(), lease).status, 200);
    end_with(lease, "w1", {{name, "text/plain", static_cast<std::int64_t>(bytes.size()), sha256}});
    return lease;
  }
};

TEST_F(ArtifactsTest, a_content_comes_in_pieces_and_is_whole_by_its_hash) {
  const model::Lease lease = take_task();
  const std::string sha256 = sha256_hex("hello world");
  const std::string path = of_worker("w1", sha256);
  EXPECT_EQ(received(put(path, "hello ", 0, 11, lease)), 6);
  const auto again = put(path, "hello w", 0, 11, lease);  // its answer was lost
  EXPECT_EQ(received(again), 7);
  const auto gap = put(path, "ld", 9, 11, lease);
  EXPECT_EQ(gap.status, 409);
  EXPECT_EQ(code_of(gap), "wrong-offset");
  const auto whole = put(path, "orld", 7, 11, lease);
  EXPECT_NE(whole.body.find("\"complete\":true"), std::string::npos) << whole.body;
  end_with(lease, "w1", {{"greeting", "text/plain", 11, sha256}});

  const auto list = api("GET", "/api/tasks/" + lease.task_id + "/artifacts");
  const auto& item = list.at("items").as_array().at(0).as_object();
  EXPECT_EQ(get_string(item, "name"), "greeting");
  EXPECT_EQ(get_int(item, "size"), 11);
  EXPECT_TRUE(get_bool(item, "available"));
  const auto r = call("GET", "/api/tasks/" + lease.task_id + "/artifacts/greeting");
  EXPECT_EQ(body_of(r), "hello world");
  EXPECT_EQ(r.content_type, "text/plain");
  EXPECT_EQ(header(r, "Content-Disposition"), "attachment; filename=\"greeting\"");
}

TEST_F(ArtifactsTest, what_came_before_a_restart_is_hashed_and_goes_on) {
  const model::Lease lease = take_task();
  const std::string sha256 = sha256_hex("hello world");
  EXPECT_EQ(received(put(of_worker("w1", sha256), "hello ", 0, 11, lease)), 6);
  control::Control reborn(queue, store, clock, config(), types());
  ASSERT_TRUE(reborn.prepare());
  artifacts().blobs.remove({sha256, false, 0, 0}, 0);  // the former process lets go of it
  std::ofstream(path_of(sha256) + ".part") << "hello ";
  auto& blobs = reborn.feature<control::Artifacts>().blobs;
  EXPECT_EQ(blobs.progress(sha256).value().received, 6);
  EXPECT_TRUE(blobs.append(sha256, 11, 6, "world").value().complete);
}

TEST_F(ArtifactsTest, bytes_of_another_hash_are_dropped) {
  const model::Lease lease = take_task();
  const std::string sha256 = sha256_hex("hello");
  const auto r = put(of_worker("w1", sha256), "jello", 0, 5, lease);
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(code_of(r), "hash-mismatch");
  EXPECT_FALSE(artifacts().blobs.has(sha256));
  EXPECT_EQ(artifacts().blobs.bytes(), 0u);
  EXPECT_EQ(put(of_worker("w1", sha256), "hello", 0, 5, lease).status, 200);
}

TEST_F(ArtifactsTest, another_size_ends_nobodys_upload) {
  const model::Lease lease = take_task();
  const std::string sha256 = sha256_hex("hello world");
  EXPECT_EQ(received(put(of_worker("w1", sha256), "hello ", 0, 11, lease)), 6);
  EXPECT_EQ(put(of_worker("w1", sha256), "", 6, 6, lease).status, 503);
  EXPECT_EQ(put(of_worker("w1", sha256), "hell", 0, 4, lease).status, 503);
  EXPECT_EQ(put(of_worker("w1", sha256), "world", 6, 11, lease).status, 200);
  EXPECT_TRUE(artifacts().blobs.has(sha256));
}

TEST_F(ArtifactsTest, the_same_content_is_kept_once_and_as_long_as_one_task_needs_it) {
  const model::Lease first = leave("same bytes");
  clock.advance(Millis{kDayMs});
  const model::Lease second = leave("same bytes", "copy.txt");
  const std::string sha256 = sha256_hex("same bytes");
  EXPECT_EQ(artifacts().blobs.held().size(), 1u);
  EXPECT_EQ(artifacts().blobs.bytes(), 10u);

  auto c = config();
  c.tasks.retention_days = 0.5;
  control.apply(c);
  age(path_of(sha256));
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_EQ(call("GET", "/api/tasks/" + first.task_id + "/artifacts/out.txt").status, 404);
  EXPECT_EQ(body_of(call("GET", "/api/tasks/" + second.task_id + "/artifacts/copy.txt")),
            "same bytes");
  clock.advance(Millis{kDayMs});
  const auto swept = artifacts().sweep(false);
  ASSERT_TRUE(swept);
  EXPECT_EQ(swept->contents, 1u);
  EXPECT_FALSE(artifacts().blobs.has(sha256));
  EXPECT_EQ(artifacts().blobs.bytes(), 0u);
}

TEST_F(ArtifactsTest, what_nobody_needs_yet_stays_for_a_day) {
  const std::string sha256 = sha256_hex("hello");
  ASSERT_EQ(put("/api/blobs/" + sha256, "hello", 0, 5).status, 200);
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_TRUE(artifacts().blobs.has(sha256));
  age(path_of(sha256));
  call("GET", "/api/blobs/" + sha256);  // who asks counts on it
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_TRUE(artifacts().blobs.has(sha256));
  age(path_of(sha256));
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_FALSE(artifacts().blobs.has(sha256));
}

TEST_F(ArtifactsTest, nothing_is_removed_beside_another_database) {
  const std::string sha256 = sha256_hex("hello");
  ASSERT_EQ(put("/api/blobs/" + sha256, "hello", 0, 5).status, 200);
  age(path_of(sha256));
  MemoryStore other_store;
  conformance::MemoryQueue other_queue;
  control::Control other(other_queue, other_store, clock, config(), types());
  ASSERT_TRUE(other.prepare());
  ASSERT_TRUE(other.feature<control::Artifacts>().sweep(true));
  EXPECT_TRUE(artifacts().blobs.has(sha256));
}

TEST_F(ArtifactsTest, a_byte_with_a_wrong_size_keeps_nobody_out) {
  const std::string sha256 = sha256_hex("hello");
  const std::string path = "/api/blobs/" + sha256;
  EXPECT_EQ(put(path, "z", 0, 999).status, 200);
  EXPECT_EQ(code_of(put(path, "ello", 1, 5)), "busy");
  age(path_of(sha256) + ".part");
  EXPECT_EQ(code_of(put(path, "ello", 1, 5)), "wrong-offset") << "it begins anew";
  EXPECT_EQ(put(path, "hello", 0, 5).status, 200);
  EXPECT_TRUE(artifacts().blobs.has(sha256));
  EXPECT_EQ(artifacts().blobs.bytes(), 5u);
}

TEST_F(ArtifactsTest, a_folder_that_is_gone_says_nothing_of_a_content) {
  const std::string sha256 = sha256_hex("hello");
  const std::string path = "/api/blobs/" + sha256;
  EXPECT_EQ(put(path, "he", 0, 5).status, 200);
  std::filesystem::rename(folder->path() + "/artifacts", folder->path() + "/moved");
  EXPECT_EQ(put(path, "llo", 2, 5).status, 503);
  EXPECT_EQ(put(path, "hello", 0, 5).status, 200);
  EXPECT_TRUE(artifacts().blobs.has(sha256));
}

TEST_F(ArtifactsTest, only_the_worker_of_the_attempt_brings_its_artifacts) {
  const model::Lease lease = take_task("w1");
  const std::string sha256 = sha256_hex("hello");
  caller = {net::Caller::Kind::kWorker, "w2", net::Right::kWork};
  EXPECT_EQ(put(of_worker("w1", sha256), "hello", 0, 5, lease).status, 403);
  EXPECT_EQ(put(of_worker("w2", sha256), "hello", 0, 5, lease).status, 403);
  caller = {net::Caller::Kind::kWorker, "w1", net::Right::kWork};
  model::Lease other = lease;
  other.lease_id = "made-up";
  EXPECT_EQ(put(of_worker("w1", sha256), "hello", 0, 5, other).status, 403);
  EXPECT_EQ(put(of_worker("w1", sha256), "hello", 0, 5, lease).status, 200);
}

TEST_F(ArtifactsTest, a_full_quota_is_said_and_what_came_stays) {
  auto c = config();
  c.artifacts.artifacts_quota_mb = 20.0 / 1024 / 1024;
  c.artifacts.artifacts_free_mb = 0;
  control.apply(c);
  const model::Lease lease = take_task();
  const std::string one(15, 'a');
  const std::string two(10, 'b');
  ASSERT_EQ(put(of_worker("w1", sha256_hex(one)), one.substr(0, 5), 0, 15, lease).status, 200);
  const auto full = put(of_worker("w1", sha256_hex(two)), two, 0, 10, lease);
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(code_of(full), "artifacts-full");
  EXPECT_NE(header(full, "Retry-After"), "");
  EXPECT_EQ(put(of_worker("w1", sha256_hex(one)), one.substr(5), 5, 15, lease).status, 200);
  c.artifacts.artifacts_quota_mb = 1;
  control.apply(c);
  EXPECT_EQ(put(of_worker("w1", sha256_hex(two)), two, 0, 10, lease).status, 200);
  c.artifacts.artifact_mb = 12.0 / 1024 / 1024;
  control.apply(c);
  const auto large = put(of_worker("w1", sha256_hex("x")), "x", 0, 13, lease);
  EXPECT_EQ(large.status, 400);
  EXPECT_EQ(code_of(large), "too-large");
}

TEST_F(ArtifactsTest, a_disk_that_is_short_of_room_is_said) {
  auto c = config();
  c.artifacts.artifacts_free_mb = 1e9;
  control.apply(c);
  const model::Lease lease = take_task();
  EXPECT_EQ(put(of_worker("w1", sha256_hex("hello")), "hello", 0, 5, lease).status, 507);
}

TEST_F(ArtifactsTest, ranges_are_answered) {
  const model::Lease lease = leave("0123456789");
  const std::string path = "/api/tasks/" + lease.task_id + "/artifacts/out.txt";
  const auto get = [&](const std::string& range, const std::string& if_range = {}) {
    std::map<std::string, std::string> headers{{"range", range}};
    if (!if_range.empty()) headers["if-range"] = if_range;
    return call("GET", path, "", {}, 0, std::move(headers));
  };
  const auto middle = get("bytes=2-4");
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(body_of(middle), "234");
  EXPECT_EQ(header(middle, "Content-Range"), "bytes 2-4/10");
  EXPECT_EQ(body_of(get("bytes=7-")), "789");
  EXPECT_EQ(body_of(get("bytes=-2")), "89");
  EXPECT_EQ(body_of(get("bytes=-20")), "0123456789");
  EXPECT_EQ(body_of(get("bytes=8-100")), "89");
  const auto beyond = get("bytes=10-");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(header(beyond, "Content-Range"), "bytes */10");
  for (const char* ignored : {"bytes=1-2,4-5", "lines=1-2", "bytes=4-2", "bytes=-", "bytes=x-2"})
    EXPECT_EQ(get(ignored).status, 200) << ignored;
  const std::string tag = '"' + sha256_hex("0123456789") + '"';
  EXPECT_EQ(get("bytes=2-4", tag).status, 206);
  EXPECT_EQ(get("bytes=2-4", "\"another\"").status, 200);
  EXPECT_EQ(call("GET", path, "", {}, 0, {{"if-none-match", tag}}).status, 304);
}

TEST_F(ArtifactsTest, an_artifact_whose_bytes_never_came_is_named_as_such) {
  const model::Lease lease = take_task();
  end_with(lease, "w1", {{"big.bin", "application/octet-stream", 7, sha256_hex("missing")}});
  const auto list = api("GET", "/api/tasks/" + lease.task_id + "/artifacts");
  EXPECT_FALSE(get_bool(list.at("items").as_array().at(0).as_object(), "available", true));
  const auto r = call("GET", "/api/tasks/" + lease.task_id + "/artifacts/big.bin");
  EXPECT_EQ(r.status, 404);
  EXPECT_EQ(code_of(r), "artifact-gone");
}

TEST_F(ArtifactsTest, an_unknown_name_is_answered_with_those_there_are) {
  const model::Lease lease = leave("x", "report.txt");
  const auto r = call("GET", "/api/tasks/" + lease.task_id + "/artifacts/report.tx");
  EXPECT_EQ(code_of(r), "unknown-artifact");
  EXPECT_NE(r.body.find("report.txt"), std::string::npos) << r.body;
  EXPECT_EQ(code_of(call("GET", "/api/tasks/none/artifacts/x")), "unknown-task");
  EXPECT_EQ(code_of(call("GET", "/api/tasks/none/artifacts")), "unknown-task");
}

TEST_F(ArtifactsTest, malformed_artifacts_of_a_result_are_refused) {
  const model::Lease lease = take_task();
  for (const char* bad :
       {R"([{"name":"../x","size":1,"sha256":"%"}])", R"([{"name":"x","size":-1,"sha256":"%"}])",
        R"([{"name":"x","size":1,"sha256":"abc"}])",
        R"([{"name":"x","size":1,"sha256":"%","media_type":"a\r\nb"}])",
        R"([{"name":"x","size":1,"sha256":"%"},{"name":"x","size":1,"sha256":"%"}])"}) {
    std::string text = bad;
    for (std::size_t at = text.find('%'); at != std::string::npos; at = text.find('%'))
      text.replace(at, 1, sha256_hex("x"));
    auto e = envelope(lease, "w1");
    e.payload = R"({"outcome":"succeeded","result":{},"artifacts":)" + text + "}";
    EXPECT_EQ(call("POST", "/api/workers/results", skep::api::encode(e)).status, 400) << text;
  }
}

class InputsTest : public ArtifactsTest {
 protected:
  static std::string task_with(const std::string& bytes, std::size_t size) {
    return R"({"type":"echo","params":{"deep":[{"file":{"artifact":")" + sha256_hex(bytes) +
           R"(","size":)" + std::to_string(size) + "}}]}}";
  }
  HttpResponse input(const model::Lease& lease, const std::string& bytes) {
    return call("GET", "/api/workers/w1/inputs/" + sha256_hex(bytes), "",
                {{"task", lease.task_id},
                 {"attempt", std::to_string(lease.attempt)},
                 {"lease", lease.lease_id}});
  }
};

TEST_F(InputsTest, a_task_reads_what_was_brought_for_it) {
  ASSERT_EQ(put("/api/blobs/" + sha256_hex("data"), "data", 0, 4).status, 200);
  ASSERT_EQ(put("/api/blobs/" + sha256_hex("other"), "other", 0, 5).status, 200);
  enrol("w1");
  submit(task_with("data", 4));
  const auto lease = claim("w1", 1).at(0).lease;
  EXPECT_EQ(body_of(input(lease, "data")), "data");
  EXPECT_EQ(code_of(input(lease, "other")), "unknown-input");
  caller = {net::Caller::Kind::kWorker, "w1", net::Right::kWork};
  EXPECT_EQ(input({"made-up", 1, "x"}, "data").status, 403);
}

TEST_F(InputsTest, a_task_without_its_input_is_refused) {
  const auto r = call("POST", "/api/tasks", task_with("data", 4));
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(code_of(r), "unknown-input");
  ASSERT_EQ(put("/api/blobs/" + sha256_hex("data"), "da", 0, 4).status, 200);
  EXPECT_EQ(code_of(call("POST", "/api/tasks", task_with("data", 4))), "unknown-input");
  ASSERT_EQ(put("/api/blobs/" + sha256_hex("data"), "ta", 2, 4).status, 200);
  EXPECT_EQ(code_of(call("POST", "/api/tasks", task_with("data", 5))), "unknown-input");
  EXPECT_EQ(call("POST", "/api/tasks", task_with("data", 4)).status, 201);
  EXPECT_EQ(code_of(call("POST", "/api/tasks",
                         R"({"type":"echo","params":{"f":{"artifact":"xyz","size":1}}})")),
            "bad-input");
}

TEST_F(InputsTest, inputs_stay_until_their_task_has_succeeded) {
  ASSERT_EQ(put("/api/blobs/" + sha256_hex("data"), "data", 0, 4).status, 200);
  enrol("w1");
  submit(task_with("data", 4));
  age(path_of(sha256_hex("data")));
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_TRUE(artifacts().blobs.has(sha256_hex("data")));
  const auto lease = claim("w1", 1).at(0).lease;
  EXPECT_EQ(verdict_of(envelope(lease, "w1")), "applied");
  ASSERT_TRUE(control.reconciler().step(100));
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_FALSE(artifacts().blobs.has(sha256_hex("data")));
}

TEST_F(InputsTest, a_repeat_and_a_task_that_never_was_hold_nothing) {
  ASSERT_EQ(put("/api/blobs/" + sha256_hex("data"), "data", 0, 4).status, 200);
  std::string spec = task_with("data", 4);
  spec.insert(1, R"("idempotency_key":"k",)");
  const std::string id = submit(spec);
  EXPECT_EQ(call("POST", "/api/tasks", spec).status, 200);
  const auto pinned = [&] { return artifacts().ledger.open_pins("", clock.wall_ms() + 1, 10); };
  EXPECT_EQ(*pinned(), std::vector{id});
  // A crash between the pin and the queue.
  ASSERT_TRUE(artifacts().ledger.pin({{new_id(), {{sha256_hex("data"), 4}}}}, clock.wall_ms()));
  EXPECT_EQ(pinned()->size(), 2u);
  clock.advance(Millis{2 * kDayMs});
  ASSERT_TRUE(artifacts().sweep(true));
  EXPECT_EQ(*pinned(), std::vector{id});
}

}  // namespace
}  // namespace skep::test
