// The real client against a scripted server.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "core/base/text.hpp"
#include "core/worker/control_client.hpp"
#include "tests/support/fake_control.hpp"
#include "tests/support/temp_dir.hpp"

namespace skep::worker {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using test::FakeControl;

class ControlClientTest : public ::testing::Test {
 protected:
  ControlClient client(std::vector<std::string> urls, const std::string& token = "",
                       const std::string& file = "") {
    join_token_ = token;
    credential_ = std::make_unique<Credential>(
        JoinToken{[this] { return Result<std::string>(join_token_); }, "/etc/join"}, file);
    endpoints_ = std::make_unique<Endpoints>(std::move(urls), *credential_);
    return {"w1", *endpoints_, abort_, Millis{120'000}};
  }
  void answer(const std::string& call, int status, const std::string& body = "{}",
              const std::string& type = "application/json") {
    control_.on(call, [=](const auto&) {
      HttpResponse response = HttpResponse::json(body, status);
      response.content_type = type;
      return response;
    });
  }

  FakeControl control_;
  std::atomic<bool> abort_{false};
  std::string join_token_;  ///< what its file holds
  std::unique_ptr<Credential> credential_;
  std::unique_ptr<Endpoints> endpoints_;
};

TEST_F(ControlClientTest, claims_with_its_token) {
  control_.on("claim", [](const auto&) {
    api::ClaimReply reply;
    reply.tasks.push_back({{"t1", 2, "l1"}, "noop", "{\"a\":1}", "k", 500});
    reply.mode = api::WorkerMode::kDraining;
    reply.to = {"w1", "inc"};
    return HttpResponse::json(api::encode(reply));
  });
  auto c = client({control_.url() + "/"}, "secret");
  const auto reply = c.claim({"inc", 3, 0, {}});
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->tasks.size(), 1u);
  EXPECT_EQ(reply->tasks[0].lease.attempt, 2);
  EXPECT_EQ(reply->mode, api::WorkerMode::kDraining);
  EXPECT_EQ(control_.last_header("authorization"), "Bearer secret");
  EXPECT_EQ(api::decode_claim(control_.bodies("claim").at(0))->max, 3u);
}

std::string problem(const std::string& code, const std::string& to) {
  return R"({"type":"/problems/)" + code + R"(","code":")" + code + R"(","detail":"because")" + to +
         "}";
}
api::Registration registration() {
  api::Registration r;
  r.worker_id = "w1";
  r.incarnation = "inc";
  return r;
}
const std::string kToUs = R"(,"to":{"worker_id":"w1","incarnation":"inc"})";

TEST_F(ControlClientTest, names_what_a_refusal_means) {
  auto c = client({control_.url()});
  const std::tuple<int, const char*, Code> cases[] = {{404, "unknown-worker", Code::kNotFound},
                                                      {409, "worker-id-conflict", Code::kState},
                                                      {401, "unauthorized", Code::kDenied},
                                                      {403, "forbidden", Code::kDenied},
                                                      {403, "not-your-worker", Code::kDenied},
                                                      {422, "schema", Code::kInvalid},
                                                      {429, "busy", Code::kBusy},
                                                      {409, "protocol-mismatch", Code::kDenied},
                                                      {409, "newer-process", Code::kDenied},
                                                      {409, "worker-there", Code::kDenied},
                                                      {409, "conflict", Code::kUnavailable},
                                                      {503, "starting", Code::kUnavailable}};
  const std::set<std::string> unread{"unauthorized", "forbidden", "busy"};
  for (const auto& [status, code, meaning] : cases) {
    answer("claim", status, problem(code, unread.contains(code) ? "" : kToUs));
    const auto reply = c.claim({"inc", 1, 0, {}});
    ASSERT_FALSE(reply) << status;
    EXPECT_EQ(reply.error().code, meaning) << status;
    EXPECT_NE(reply.error().message.find("because"), std::string::npos);
  }
}

TEST_F(ControlClientTest, joins_with_its_token_and_goes_on_with_its_credential) {  // B2
  const test::TempDir dir;
  const std::string file = dir.path() + "/worker-credential";
  std::vector<std::string> shown;
  control_.on("register", [&](const HttpRequest& request) {
    shown.emplace_back(request.header("authorization"));
    api::RegistrationReply reply;
    reply.to = {"w1", "inc"};
    if (shown.back() != "Bearer own") reply.credential = "own";
    return HttpResponse::json(api::encode(reply));
  });
  auto c = client({control_.url()}, "join", file);
  ASSERT_TRUE(c.register_worker(registration()));
  ASSERT_TRUE(c.register_worker(registration()));
  EXPECT_EQ(shown, (std::vector<std::string>{"Bearer join", "Bearer own"}));
  ASSERT_TRUE(c.claim({"inc", 1, 0, {}}));
  EXPECT_EQ(control_.last_header("authorization"), "Bearer own");

  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777u, 0600u);
  auto next_process = client({control_.url()}, "join", file);
  ASSERT_TRUE(next_process.register_worker(registration()));
  EXPECT_EQ(shown.back(), "Bearer own");
}

TEST_F(ControlClientTest, enrols_again_when_its_credential_is_refused) {
  const test::TempDir dir;
  const std::string file = dir.path() + "/worker-credential";
  std::ofstream(file) << "of-another-control-plane\n";
  std::string good = "Bearer join";
  control_.on("register", [&](const HttpRequest& request) {
    if (request.header("authorization") != good)
      return HttpResponse::json(problem("unauthenticated", ""), 401);
    api::RegistrationReply reply;
    reply.to = {"w1", "inc"};
    reply.credential = "new";
    return HttpResponse::json(api::encode(reply));
  });
  auto c = client({control_.url()}, "join", file);
  good = "Bearer nobody's";
  EXPECT_EQ(c.register_worker(registration()).error().code, Code::kDenied);
  EXPECT_EQ(credential_->token(), "of-another-control-plane") << "kept: it may be good tomorrow";
  good = "Bearer join";
  ASSERT_TRUE(c.register_worker(registration()));
  EXPECT_EQ(credential_->token(), "new");
  EXPECT_EQ(read_file(file), "new\n");
}

TEST_F(ControlClientTest, enrols_again_when_its_credential_is_damaged) {
  const test::TempDir dir;
  const std::string file = dir.path() + "/worker-credential";
  for (const std::string& damaged : {std::string("own\nmore"), std::string("own\0more", 8),
                                     std::string("own\xff"), std::string("\n")}) {
    std::ofstream(file, std::ios::trunc) << damaged;
    control_.on("register", [&](const HttpRequest& request) {
      EXPECT_EQ(request.header("authorization"), "Bearer join");
      api::RegistrationReply reply;
      reply.to = {"w1", "inc"};
      reply.credential = "new";
      return HttpResponse::json(api::encode(reply));
    });
    auto c = client({control_.url()}, "join", file);
    ASSERT_TRUE(c.register_worker(registration()));
    EXPECT_EQ(read_file(file), "new\n");
  }
}

TEST_F(ControlClientTest, reads_its_token_files_again_when_it_is_refused) {
  const test::TempDir dir;
  const std::string file = dir.path() + "/worker-credential";
  std::string good = "Bearer new-join";
  std::vector<std::string> shown;
  control_.on("register", [&](const HttpRequest& request) {
    shown.emplace_back(request.header("authorization"));
    if (shown.back() != good) return HttpResponse::json(problem("unauthenticated", ""), 401);
    api::RegistrationReply reply;
    reply.to = {"w1", "inc"};
    if (good == "Bearer new-join") reply.credential = "own";
    return HttpResponse::json(api::encode(reply));
  });
  auto c = client({control_.url()}, "old-join", file);
  EXPECT_EQ(c.register_worker(registration()).error().code, Code::kDenied);
  EXPECT_NE(endpoints_->advice(Code::kDenied).find("/etc/join"), std::string::npos);
  EXPECT_EQ(shown, (std::vector<std::string>{"Bearer old-join"}))
      << "the same one is not tried again";
  join_token_ = "new-join";
  ASSERT_TRUE(c.register_worker(registration()));
  EXPECT_EQ(shown.back(), "Bearer new-join");

  good = "Bearer restored";
  join_token_ = "nobody's";
  std::ofstream(file) << "restored\n";
  ASSERT_TRUE(c.register_worker(registration()));
  EXPECT_EQ(credential_->token(), "restored");
}

TEST_F(ControlClientTest, says_why_it_was_refused_first_and_with_its_join_token) {
  const test::TempDir dir;
  const std::string file = dir.path() + "/worker-credential";
  std::ofstream(file) << "own\n";
  control_.on("register", [&](const HttpRequest& request) {
    if (request.header("authorization") != "Bearer own")
      return HttpResponse::json(problem("unauthenticated", ""), 401);
    return HttpResponse::json(problem("newer-process", R"(,"next":"stop that one")" + kToUs), 409);
  });
  auto c = client({control_.url()}, "join", file);
  const auto reply = c.register_worker(registration());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kDenied);
  EXPECT_EQ(reply.error().next, "stop that one");
  const std::string said = "POST " + control_.url() + "/api/workers/register: status ";
  EXPECT_EQ(reply.error().message,
            said + "409: because; with another token: " + said + "401: because");
}

TEST_F(ControlClientTest, is_not_refused_by_a_control_plane_that_is_busy_with_its_join_token) {
  const test::TempDir dir;
  const std::string file = dir.path() + "/worker-credential";
  std::ofstream(file) << "own\n";
  control_.on("register", [&](const HttpRequest& request) {
    if (request.header("authorization") == "Bearer own")
      return HttpResponse::json(problem("unauthenticated", ""), 401);
    return HttpResponse::json(problem("starting", kToUs), 503);
  });
  auto c = client({control_.url()}, "join", file);
  const auto reply = c.register_worker(registration());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable) << reply.error().message;
}

TEST_F(ControlClientTest, says_what_is_wrong_with_a_token_file_and_goes_on_with_the_last_token) {
  bool readable = true;
  Credential credential({[&]() -> Result<std::string> {
                           if (!readable) return config_error("/etc/join may be read by others");
                           return std::string("join");
                         },
                         "/etc/join"});
  readable = false;
  EXPECT_TRUE(credential.after_refusal("join").empty());
  EXPECT_EQ(credential.token(), "join");
  EXPECT_NE(credential.advice().find("may be read by others"), std::string::npos);
  readable = true;
  EXPECT_TRUE(credential.after_refusal("join").empty());
  EXPECT_EQ(credential.advice().find("may be read by others"), std::string::npos);
}

TEST_F(ControlClientTest, writes_a_credential_later_that_could_not_be_written_at_first) {
  const test::TempDir dir;
  const std::string folder = dir.file("state");  // not there: nobody can write into it
  const std::string file = folder + "/worker-credential";
  std::string given = "own";
  control_.on("register", [&](const HttpRequest&) {
    api::RegistrationReply reply;
    reply.to = {"w1", "inc"};
    reply.credential = std::exchange(given, "");
    return HttpResponse::json(api::encode(reply));
  });
  control_.on("claim", [&](const HttpRequest&) {
    api::ClaimReply reply;
    reply.to = {"w1", "inc"};
    return HttpResponse::json(api::encode(reply));
  });
  auto c = client({control_.url()}, "join", file);
  ASSERT_TRUE(c.register_worker(registration()));
  EXPECT_EQ(credential_->token(), "own");
  ASSERT_TRUE(c.claim({"inc", 1, 0, {}}));
  std::filesystem::create_directory(folder);
  ASSERT_TRUE(c.claim({"inc", 1, 0, {}}));
  EXPECT_EQ(read_file(file), "own\n");

  std::filesystem::remove_all(folder);
  given = "newer";
  ASSERT_TRUE(c.register_worker(registration()));
  std::filesystem::create_directory(folder);
  ASSERT_TRUE(c.register_worker(registration()));
  EXPECT_EQ(read_file(file), "newer\n");
}

TEST_F(ControlClientTest, takes_no_reply_to_another_claim) {  // B9
  std::string claim_id = "first";
  control_.on("claim", [&](const HttpRequest&) {
    api::ClaimReply reply;
    reply.to = {"w1", "inc"};
    reply.claim_id = claim_id;
    return HttpResponse::json(api::encode(reply));
  });
  auto c = client({control_.url()});
  api::ClaimRequest request{"inc", 1, 0, {}};
  request.claim_id = "second";
  EXPECT_EQ(c.claim(request).error().code, Code::kUnavailable);
  claim_id = "second";
  EXPECT_TRUE(c.claim(request));
  claim_id = "";  // of an older control plane
  EXPECT_TRUE(c.claim(request));
}

TEST_F(ControlClientTest, believes_no_stranger) {  // P1
  auto c = client({control_.url()});
  const std::string bodies[] = {
      "",
      "<html>please log in</html>",
      R"({"status":"ok"})",
      R"({"error":"conflict","code":"worker-id-conflict"})",
      problem("worker-id-conflict", ""),
      problem("worker-id-conflict", R"(,"to":{"worker_id":"w2","incarnation":"inc"})"),
      problem("worker-id-conflict", R"(,"to":{"worker_id":"w1","incarnation":"another"})"),
      problem("worker-id-conflict", R"(,"worker_id":"w1","incarnation":"inc")")};
  for (const int status : {200, 204, 302, 400, 404, 409, 413, 422, 500})
    for (const std::string& body : bodies) {
      if (status == 204 && !body.empty()) continue;
      SCOPED_TRACE(std::to_string(status) + " " + body);
      for (const char* call : {"register", "claim", "release", "releases"})
        answer(call, status, body);
      EXPECT_EQ(c.register_worker(registration()).error().code, Code::kUnavailable);
      EXPECT_EQ(c.claim({"inc", 1, 0, {}}).error().code, Code::kUnavailable);
      EXPECT_EQ(c.release({"inc", {}}).error().code, Code::kUnavailable);
      EXPECT_EQ(c.releases().error().code, Code::kUnavailable);
    }
}

TEST_F(ControlClientTest, believes_no_echo_of_its_own_words) {  // P1
  for (const char* call : {"register", "claim", "release"})
    control_.on(call, [](const auto& request) { return HttpResponse::json(request.body); });
  control_.on("results", [](const auto& request) {
    return HttpResponse::json(R"({"items":)" + request.body + "}");
  });
  auto c = client({control_.url()});
  EXPECT_FALSE(c.register_worker(registration()));
  EXPECT_FALSE(c.claim({"inc", 1, 0, {}}));
  EXPECT_FALSE(c.release({"inc", {}}));
  const auto submission = c.submit({R"({"idempotency_key":"k1"})"});
  ASSERT_TRUE(submission);
  EXPECT_FALSE(submission->is_skeps);
  EXPECT_TRUE(submission->acks.empty());
}

TEST_F(ControlClientTest, leaves_a_stranger_for_the_next_control_plane) {
  FakeControl other;
  answer("results", 413, "<html>too large</html>", "text/html");
  auto c = client({control_.url(), other.url()});
  EXPECT_FALSE(c.submit({R"({"idempotency_key":"k1"})"})->is_skeps);
  EXPECT_TRUE(c.submit({R"({"idempotency_key":"k1"})"})->is_skeps);
}

TEST_F(ControlClientTest, takes_only_a_list_of_acks_for_an_acknowledgement) {  // S17
  auto c = client({control_.url()});
  const std::vector<std::string> envelopes{R"({"idempotency_key":"k1"})"};
  auto good = c.submit(envelopes);
  ASSERT_TRUE(good);
  ASSERT_EQ(good->acks.size(), 1u);
  EXPECT_EQ(good->acks[0].ack, "k1");
  answer("results", 200, "<html>log in</html>", "text/html");
  EXPECT_TRUE(c.submit(envelopes)->acks.empty());
  answer("results", 200, "");
  EXPECT_TRUE(c.submit(envelopes)->acks.empty());
  answer("results", 302, R"({"items":[{"ack":"k1"}]})");
  EXPECT_TRUE(c.submit(envelopes)->acks.empty());
  answer("results", 500, R"({"items":[{"ack":"k1"}]})");
  EXPECT_TRUE(c.submit(envelopes)->acks.empty());
}

TEST_F(ControlClientTest, reports_how_long_to_wait) {
  control_.on("results", [](const auto&) {
    HttpResponse response = HttpResponse::json("{}", 503);
    response.headers.emplace_back("Retry-After", "7");
    return response;
  });
  auto c = client({control_.url()});
  EXPECT_EQ(c.submit({"{}"})->retry_after, Millis{7'000});
}

TEST_F(ControlClientTest, moves_to_the_next_control_plane_and_stays_there) {
  FakeControl other;
  std::string dead;
  {
    FakeControl gone;
    dead = gone.url();
  }
  auto c = client({dead, other.url()});
  EXPECT_FALSE(c.claim({"inc", 1, 0, {}}));
  EXPECT_TRUE(c.claim({"inc", 1, 0, {}}));
  EXPECT_TRUE(c.claim({"inc", 1, 0, {}}));
  EXPECT_EQ(other.bodies("claim").size(), 2u);
  EXPECT_EQ(endpoints_->url(), other.url());
}

TEST_F(ControlClientTest, gives_up_a_long_poll_when_told_to) {
  struct Flags {
    std::atomic<bool> arrived{false};
    std::atomic<bool> leave{false};
  };
  const auto flags = std::make_shared<Flags>();  // the handler may outlive this test's frame
  control_.on("claim", [flags](const auto&) {
    flags->arrived = true;
    for (int i = 0; i < 600'000 && !flags->leave; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return HttpResponse::json(api::encode(api::ClaimReply{}));
  });
  auto c = client({control_.url()});
  std::thread stopper([&] {
    while (!flags->arrived) std::this_thread::yield();
    abort_ = true;
  });
  const SystemClock clock;
  const MonoMs start = clock.mono_ms();
  const auto reply = c.claim({"inc", 1, 20, {}});
  const MonoMs took = clock.mono_ms() - start;
  flags->leave = true;
  stopper.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kCancelled);
  EXPECT_LT(took, 120'000);
  EXPECT_EQ(endpoints_->url(), control_.url()) << "giving up is no reason to move on";
}

}  // namespace
}  // namespace skep::worker
