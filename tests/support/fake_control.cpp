#include "tests/support/fake_control.hpp"

#include <boost/json.hpp>
#include <stdexcept>

#include "core/api/wire.hpp"
#include "core/base/json.hpp"

namespace skep::test {
namespace {

net::HttpResponse ok(std::string body) { return net::HttpResponse::json(std::move(body)); }

/// Echoes every key.
net::HttpResponse acknowledge(const net::HttpRequest& request) {
  std::vector<api::Ack> acks;
  const auto body = parse_json(request.body);
  if (body && body->is_array())
    for (const auto& envelope : body->get_array())
      acks.push_back(
          {get_string(envelope.get_object(), "idempotency_key"), "applied", "", 200, ""});
  return ok(api::encode(acks));
}

template <class Reply>
FakeControl::Answer agree() {
  return [](const net::HttpRequest& request) {
    Reply reply;
    reply.to = FakeControl::sender_of(request);
    return ok(api::encode(reply));
  };
}

std::map<std::string, FakeControl::Answer> agreeable() {
  return {{"register", agree<api::RegistrationReply>()}, {"claim", agree<api::ClaimReply>()},
          {"release", agree<api::BeatReply>()},          {"heartbeat", agree<api::BeatReply>()},
          {"releases", agree<api::DesiredReleases>()},   {"results", acknowledge}};
}

}  // namespace

FakeControl::FakeControl() : answers_(agreeable()) {
  const auto route = [this](std::string_view path, const std::string& call,
                            std::string_view method = "POST") {
    net::Route r;
    r.method = method;
    r.path = path;
    r.right = net::Right::kNone;
    r.body_cap = 8u << 20;
    r.summary = "worker protocol";
    r.handler = [this, call](const net::HttpRequest& request) { return serve(call, request); };
    return r;
  };
  std::vector<net::Route> routes;
  routes.push_back(route("/api/workers/register", "register"));
  routes.push_back(route("/api/workers/{id}/claim", "claim"));
  routes.push_back(route("/api/workers/{id}/release", "release"));
  routes.push_back(route("/api/workers/{id}/heartbeat", "heartbeat"));
  routes.push_back(route("/api/workers/{id}/releases", "releases", "GET"));
  routes.push_back(route("/api/workers/results", "results"));
  net::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.threads = 2;
  server_ = std::make_unique<net::HttpServer>(std::move(options), net::Router(std::move(routes)));
  if (const auto status = server_->start(); !status)
    throw std::runtime_error(status.error().message);
}

FakeControl::~FakeControl() { server_->stop(Millis{100}); }

api::Addressee FakeControl::sender_of(const net::HttpRequest& request) {
  const auto body = parse_json(request.body);
  const json::object o = body && body->is_object() ? body->get_object() : json::object{};
  const auto id = request.params.find("id");
  return {id == request.params.end() ? get_string(o, "worker_id") : id->second,
          get_string(o, "incarnation")};
}

std::string FakeControl::url() const { return server_->urls().front(); }

void FakeControl::on(const std::string& call, Answer answer) {
  const std::scoped_lock lock(mutex_);
  answers_[call] = std::move(answer);
}

std::vector<std::string> FakeControl::bodies(const std::string& call) const {
  const std::scoped_lock lock(mutex_);
  const auto at = bodies_.find(call);
  return at == bodies_.end() ? std::vector<std::string>{} : at->second;
}

std::string FakeControl::last_header(const std::string& lower_name) const {
  const std::scoped_lock lock(mutex_);
  const auto at = last_headers_.find(lower_name);
  return at == last_headers_.end() ? "" : at->second;
}

net::HttpResponse FakeControl::serve(const std::string& call, const net::HttpRequest& request) {
  Answer answer;
  {
    const std::scoped_lock lock(mutex_);
    bodies_[call].push_back(request.body);
    last_headers_ = request.headers;
    answer = answers_[call];
  }
  return answer(request);
}

}  // namespace skep::test
