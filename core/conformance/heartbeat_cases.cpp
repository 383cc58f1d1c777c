// The contract of skep/kind/heartbeat.h, against a control plane that answers as it is told.
#include "core/conformance/control_plane.hpp"
#include "core/conformance/kind_case.hpp"

namespace skep::conformance {
namespace {

using namespace std::chrono_literals;

constexpr Millis kLong = 20'000ms;
constexpr Millis kShort = 200ms;
constexpr const char* kToken = "kit-token";
constexpr const char* kBeat = R"({"worker_id":"w1","incarnation":"i1","running":[]})";

std::string problem(const std::string& code, const std::string& worker = "w1",
                    const std::string& incarnation = "i1") {
  JsonOut out;
  out.object().key("type").str("/problems/" + code).key("code").str(code);
  out.key("detail").str("said by the kit").key("to").object().key("worker_id").str(worker);
  out.key("incarnation").str(incarnation).end_object().end_object();
  return out.take();
}

class HeartbeatBench : public Bench<ports::Heartbeat> {
 public:
  using Bench::Bench;
  void set_up() {
    fresh();
    plane().plan({200, R"({"kit":"hello"})"});
    const auto first = beat(kLong);
    if (first || !plane().seen().path.empty() || source().needs_http) return;
    throw Skipped("it does not speak HTTP with a control plane on 127.0.0.1");
  }

 protected:
  ControlPlane& plane() { return *source().control_plane; }
  Result<std::string> beat(Millis timeout, const std::string& token = kToken,
                           const std::string& end = {}) {
    return port().beat(plane().url() + end, token, kBeat, timeout);
  }
  Error refused(PlannedReply reply) {
    plane().plan(std::move(reply));
    const auto answer = beat(kLong);
    KIT_FALSE(answer) << "with the reply " << (answer ? *answer : "");
    return answer.error();
  }
};

SKEP_KIT_CASE(HeartbeatBench, brings_the_reply_home) {
  const std::string reply = R"({"renewals":[{"task_id":"t","held":true}],"mode":"active"})";
  plane().plan({200, reply});
  KIT_EQ(must(beat(kLong)), reply);
  const std::string other = "{\"note\":\"" + std::string(100'000, 'x') + "\"}";
  plane().plan({200, other});
  KIT_EQ(must(beat(kLong)), other);
}

SKEP_KIT_CASE(HeartbeatBench, posts_the_beat_to_its_worker) {
  for (const char* end : {"", "/"}) {
    must(beat(kLong, kToken, end));
    const SeenRequest seen = plane().seen();
    KIT_EQ(seen.method, "POST");
    KIT_EQ(seen.path, "/api/workers/w1/heartbeat")
        << "of a base URL that ends with \"" << end << '"';
    KIT_EQ(seen.body, kBeat);
  }
}

SKEP_KIT_CASE(HeartbeatBench, shows_its_token_and_none_when_it_has_none) {
  must(beat(kLong));
  KIT_EQ(plane().seen().authorization, "Bearer " + std::string(kToken));
  must(beat(kLong, ""));
  KIT_EQ(plane().seen().authorization, "");
}

SKEP_KIT_CASE(HeartbeatBench, gives_up_at_its_deadline) {
  plane().plan({200, "{}", true});
  const auto late = beat(kShort);
  KIT_FALSE(late);
  KIT_EQ(late.error().code, Code::kUnavailable) << late.error().message;
  KIT_NE(late.error().name, "plugin-hangs") << late.error().message;
  plane().plan({200, "{}"});
  KIT_EQ(must(beat(kLong)), "{}") << "after one that was late";
}

SKEP_KIT_CASE(HeartbeatBench, tells_that_the_worker_is_unknown) {
  const Error e = refused({404, problem("unknown-worker")});
  KIT_EQ(e.code, Code::kNotFound) << e.message;
}

SKEP_KIT_CASE(HeartbeatBench, tells_that_a_newer_process_has_its_id) {
  const Error e = refused({409, problem("worker-id-conflict")});
  KIT_EQ(e.code, Code::kState) << e.message;
}

SKEP_KIT_CASE(HeartbeatBench, tells_that_its_token_is_refused) {
  for (const int status : {401, 403}) {
    const Error e = refused({status, problem("unauthorized")});
    KIT_EQ(e.code, Code::kDenied) << status << " " << e.message;
  }
}

/// A proxy, another program on that port, an answer to another process: with NOT_FOUND or STATE
/// the worker would give its tasks up.
SKEP_KIT_CASE(HeartbeatBench, takes_any_other_answer_for_none) {
  const PlannedReply foreign[] = {{404, "<html>not here</html>"},
                                  {404, "{}"},
                                  {404, problem("unknown-worker", "w2")},
                                  {404, problem("unknown-worker", "w1", "i2")},
                                  {409, problem("worker-id-conflict", "w1", "i2")},
                                  {409, "conflict"},
                                  {302, ""},
                                  {500, problem("internal")},
                                  {502, "<html>bad gateway</html>"},
                                  {503, problem("starting")}};
  for (const PlannedReply& reply : foreign) {
    const Error e = refused(reply);
    KIT_EQ(e.code, Code::kUnavailable)
        << "status " << reply.status << " with " << shown_text(reply.body) << ": " << e.message;
  }
}

}  // namespace

std::vector<KindCase<ports::Heartbeat>> heartbeat_cases() {
  return {SKEP_KIT_ENTRY(brings_the_reply_home),
          SKEP_KIT_ENTRY(posts_the_beat_to_its_worker),
          SKEP_KIT_ENTRY(shows_its_token_and_none_when_it_has_none),
          SKEP_KIT_ENTRY(gives_up_at_its_deadline),
          SKEP_KIT_ENTRY(tells_that_the_worker_is_unknown),
          SKEP_KIT_ENTRY(tells_that_a_newer_process_has_its_id),
          SKEP_KIT_ENTRY(tells_that_its_token_is_refused),
          SKEP_KIT_ENTRY(takes_any_other_answer_for_none)};
}

}  // namespace skep::conformance
