// The routes of the feature "tasks": parse, call a service, encode.
#include <boost/json.hpp>

#include "core/api/task_json.hpp"
#include "core/api/task_views.hpp"
#include "core/base/text.hpp"
#include "core/control/answer.hpp"
#include "core/control/query.hpp"
#include "core/control/tasks/task_lookup.hpp"
#include "core/control/tasks/tasks.hpp"

namespace skep::control {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::size_t kMaxBatch = 10'000;
/// A page ends after the task with which it weighs as much: lists carry whole documents.
constexpr std::size_t kPageBytes = 4u << 20;
constexpr int kLogRows = 200;
const std::vector<std::string> kStatusWords{"queued", "claimed",   "executing", "succeeded",
                                            "failed", "cancelled", "dead"};
constexpr std::size_t kMostEnvelopes = 1'000;
/// The largest result of a task has 4 MiB: whatever it is made of, it comes home.
constexpr std::size_t kResultValues = 2'200'000;

Result<std::vector<model::TaskSpec>> read_specs(const json::value& body, int default_attempts) {
  std::vector<model::TaskSpec> specs;
  if (!body.is_array()) {
    auto spec = api::decode_task_spec(body, "task", default_attempts);
    if (!spec) return spec.error();
    specs.push_back(std::move(*spec));
    return specs;
  }
  const auto& items = body.get_array();
  if (items.empty()) return invalid("tasks: the array is empty; send at least one task");
  if (items.size() > kMaxBatch)
    return invalid("tasks: " + std::to_string(items.size()) + " in one request; at most 10000");
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto spec =
        api::decode_task_spec(items[i], "tasks[" + std::to_string(i) + "]", default_attempts);
    if (!spec) return spec.error();
    specs.push_back(std::move(*spec));
  }
  return specs;
}

/// The header Idempotency-Key: for one task, and not against the task's own member.
Status apply_key_header(const HttpRequest& r, bool array, std::vector<model::TaskSpec>& specs) {
  const auto header = r.headers.find("idempotency-key");
  if (header == r.headers.end()) return {};
  if (array)
    return invalid(
        "the header Idempotency-Key is for one task; in an array each has its own "
        "\"idempotency_key\"");
  const std::string& key = header->second;
  std::string& own = specs.front().idempotency_key;
  if (key.empty() || key.size() > 256)
    return invalid("the header Idempotency-Key must have 1 to 256 bytes");
  if (!own.empty() && own != key)
    return invalid("the header Idempotency-Key and the member \"idempotency_key\" differ");
  own = key;
  return {};
}

HttpResponse answer(const Tasks& f, const Result<model::Task>& task) {
  return task ? HttpResponse::json(api::encode_task(f.types.shown(*task)))
              : HttpResponse::problem(task.error());
}

void hide_secrets(const Tasks& f, std::vector<model::Task>& tasks) {
  for (model::Task& task : tasks) task = f.types.shown(std::move(task));
}

/// "attempt.chunk", as handed out by the logs route.
std::optional<std::pair<std::int64_t, std::int64_t>> parse_log_cursor(const std::string& text) {
  const auto parts = split(text, '.');
  if (parts.size() != 2) return std::nullopt;
  const auto attempt = to_int(parts[0]);
  const auto chunk = to_int(parts[1]);
  if (!attempt || !chunk) return std::nullopt;
  return std::pair{*attempt, *chunk};
}

HttpResponse post_tasks(Tasks& f, const HttpRequest& r) {
  const auto body = parse_json(r.body);
  if (!body) return HttpResponse::problem(body.error());
  auto specs = read_specs(*body, f.settings.get().max_attempts);
  if (!specs) return HttpResponse::problem(specs.error());
  if (const auto ok = apply_key_header(r, body->is_array(), *specs); !ok)
    return HttpResponse::problem(ok.error());
  std::string problems;
  auto submitted = f.service.submit(std::move(*specs), problems);
  if (!submitted)
    return HttpResponse::problem(submitted.error(),
                                 problems.empty() ? "" : ",\"errors\":" + problems);
  for (const auto& s : *submitted)
    if (!s.existed) f.counts.submitted(s.task.spec.type, 1);
  for (auto& s : *submitted) s.task = f.types.shown(std::move(s.task));
  if (body->is_array()) return HttpResponse::json(api::encode(*submitted), 201);
  const auto& one = submitted->front();
  auto response = HttpResponse::json(api::encode_task(one.task), one.existed ? 200 : 201);
  response.headers.emplace_back("Location", "/api/tasks/" + one.task.id);
  return response;
}

HttpResponse list(Tasks& f, const HttpRequest& r, ports::TaskQuery query) {
  const auto page = page_of(r);
  if (!page) return HttpResponse::problem(page.error());
  query.type = text_of(r, "type");
  query.site = text_of(r, "site");
  if (query.worker_id.empty()) query.worker_id = text_of(r, "worker_id");
  if (const std::string word = text_of(r, "status"); !word.empty()) {
    query.states = model::states_of(word);
    if (query.states.empty())
      return HttpResponse::problem(bad_choice("status", word, kStatusWords));
  }
  query.after_seq = page->after;
  query.limit = page->limit + 1;
  query.max_bytes = kPageBytes;
  auto tasks = f.platform.queue.read(query);
  if (!tasks) return HttpResponse::problem(tasks.error());
  std::size_t bytes = 0;
  for (const auto& t : *tasks) bytes += model::weight(t);
  const bool more = tasks->size() > page->limit;
  if (more) tasks->pop_back();
  const std::string next =
      more || bytes >= kPageBytes ? std::to_string(tasks->back().seq) : std::string();
  hide_secrets(f, *tasks);
  return HttpResponse::json(api::encode_tasks(*tasks, next));
}

/// ?id=: for people, who type the beginning of one.
HttpResponse list_by_id(Tasks& f, const HttpRequest& r, const std::string& beginning) {
  const auto page = page_of(r);
  if (!page) return HttpResponse::problem(page.error());
  if (!is_id_beginning(beginning))
    return HttpResponse::problem(bad_parameter("id", beginning, "4 to 36 of 0-9, a-f and -"));
  auto tasks = tasks_beginning(f.platform.queue, beginning, page->limit);
  if (!tasks) return HttpResponse::problem(tasks.error());
  hide_secrets(f, *tasks);
  return HttpResponse::json(api::encode_tasks(*tasks, ""));
}

HttpResponse list_tasks(Tasks& f, const HttpRequest& r) {
  const std::string beginning = text_of(r, "id");
  return beginning.empty() ? list(f, r, {}) : list_by_id(f, r, beginning);
}

HttpResponse list_worker_tasks(Tasks& f, const HttpRequest& r) {
  const auto worker = f.workers.directory.find(id_of(r));
  if (!worker) return HttpResponse::problem(worker.error());
  ports::TaskQuery query;
  query.worker_id = worker->profile.id;
  return list(f, r, std::move(query));
}

HttpResponse get_task(Tasks& f, const HttpRequest& r) {
  const auto wait = wait_of(r);
  if (!wait) return HttpResponse::problem(wait.error());
  const auto ticket = f.platform.waits.tasks.ticket(id_of(r));
  const auto task = f.service.get(id_of(r));
  if (!task) return HttpResponse::problem(task.error());
  const MonoMs until = r.received_ms + wait->count();
  if (!model::is_terminal(task->state) && !r.closing && f.platform.clock.mono_ms() < until)
    return HttpResponse::wait_for({&f.platform.waits.tasks, task->id, ticket, until});
  const auto attempts = f.platform.queue.attempts(task->id);
  if (!attempts) return HttpResponse::problem(attempts.error());
  return HttpResponse::json(api::encode_task(f.types.shown(*task), *attempts));
}

HttpResponse get_task_logs(Tasks& f, const HttpRequest& r) {
  const auto wait = wait_of(r);
  if (!wait) return HttpResponse::problem(wait.error());
  std::pair<std::int64_t, std::int64_t> after{0, -1};
  if (const auto found = r.query.find("after"); found != r.query.end()) {
    const auto cursor = parse_log_cursor(found->second);
    if (!cursor)
      return HttpResponse::problem(
          invalid("query parameter after: expected a next_cursor of an earlier answer")
              .named("bad-query"));
    after = *cursor;
  }
  const auto ticket = f.platform.waits.tasks.ticket(id_of(r));
  const auto task = f.service.get(id_of(r));
  if (!task) return HttpResponse::problem(task.error());
  auto logs = f.results.logs(task->id, after.first, after.second, kLogRows);
  if (!logs) return HttpResponse::problem(logs.error());
  const bool ended = model::is_terminal(task->state) && !logs->more_comes;
  MonoMs until = r.received_ms + wait->count();
  if (logs->more_comes)
    until = std::min(until, f.platform.clock.mono_ms() + logs->comes_within.count());
  if (logs->rows.empty() && !ended && !r.closing && f.platform.clock.mono_ms() < until)
    return HttpResponse::wait_for({&f.platform.waits.tasks, task->id, ticket, until});
  api::LogPage page{std::move(logs->rows), {}, ended};
  page.next_cursor = std::to_string(logs->attempt) + "." + std::to_string(logs->chunk);
  return HttpResponse::json(api::encode(page));
}

HttpResponse explain_task(Tasks& f, const HttpRequest& r) {
  const auto e = f.service.explain(id_of(r));
  return e ? HttpResponse::json(api::encode(*e)) : HttpResponse::problem(e.error());
}

HttpResponse cancel_task(Tasks& f, const HttpRequest& r) {
  return answer(f, f.service.cancel(id_of(r), actor_of(r.caller)));
}
HttpResponse retry_task(Tasks& f, const HttpRequest& r) {
  const auto force = flag_of(r, "force");
  return force ? answer(f, f.service.retry(id_of(r), *force))
               : HttpResponse::problem(force.error());
}

HttpResponse claim(Tasks& f, const HttpRequest& r) {
  const auto request = api::decode_claim(r.body);
  if (!request) return HttpResponse::problem(request.error());
  const api::Addressee to{id_of(r), request->incarnation};
  const MonoMs until = r.received_ms + seconds_to_ms(request->wait_seconds);
  auto claimed = f.leases.claim(to.worker_id, *request, {r.runs == 0, r.closing, until});
  if (!claimed) return refuse(to, claimed.error());
  if (claimed->wait) return HttpResponse::wait_for(std::move(*claimed->wait));
  return answer_to<api::ClaimReply>(to, std::move(claimed->reply));
}

HttpResponse release(Tasks& f, const HttpRequest& r) {
  const auto request = api::decode_release(r.body);
  if (!request) return HttpResponse::problem(request.error());
  return answer_to({id_of(r), request->incarnation}, f.leases.release(id_of(r), *request));
}

/// An envelope as its sender may send it: a worker brings its own results alone.
Result<model::Envelope> envelope_of(const json::value& item, const net::Caller& sender) {
  auto envelope = api::decode_envelope(item);
  if (!envelope || sender.kind != net::Caller::Kind::kWorker || envelope->worker_id == sender.name)
    return envelope;
  return Error{Code::kDenied,
               "this is the credential of worker \"" + sender.name + "\", the envelope is of \"" +
                   envelope->worker_id + "\"",
               "wrong-worker"};
}

HttpResponse post_results(Tasks& f, const HttpRequest& r) {
  const auto body = parse_json(r.body);
  if (!body) return HttpResponse::problem(body.error());
  std::vector<Result<model::Envelope>> envelopes;
  if (body->is_array()) {
    if (const std::size_t n = body->get_array().size(); n > kMostEnvelopes)
      return HttpResponse::problem(
          413, invalid(std::to_string(n) + " envelopes in one request; at most 1000")
                   .named("too-many-items"));
    for (const auto& item : body->get_array()) envelopes.push_back(envelope_of(item, r.caller));
  } else {
    envelopes.push_back(envelope_of(*body, r.caller));
  }
  auto acks = f.results.accept(envelopes, r.caller);
  if (!acks) return HttpResponse::problem(acks.error());
  for (std::size_t i = 0; i < acks->size(); ++i)
    (*acks)[i].key = api::key_of_envelope(body->is_array() ? body->get_array()[i] : *body);
  if (body->is_array()) return HttpResponse::json(api::encode(*acks));
  const api::Ack& one = acks->front();
  if (one.status < 300) return HttpResponse::json(api::encode(one));
  HttpResponse refused;
  refused.status = one.status;
  refused.content_type = "application/problem+json";
  refused.body = api::encode_refused(one);
  return refused;
}

HttpResponse task_types(Tasks& f, const HttpRequest&) {
  std::vector<std::vector<api::TaskTypeVersion>> types;
  for (const auto& versions : f.types.types()) {
    types.emplace_back();
    for (const TypeVersion& v : versions) types.back().push_back({v.type, v.schema_id});
  }
  return HttpResponse::json(api::encode(types));
}

}  // namespace

std::vector<net::Route> Tasks::routes() {
  using enum net::Right;
  using Handler = HttpResponse (*)(Tasks&, const HttpRequest&);
  constexpr std::size_t kSmall = net::kOptionalBody;
  constexpr std::size_t kDocument = 1 << 20;
  constexpr std::size_t kBatch = 16 << 20;
  constexpr net::QueryParameter kStatus{
      "status", "Only tasks of this status.",
      R"({"enum":["queued","claimed","executing","succeeded","failed","cancelled","dead"]})"};
  constexpr net::QueryParameter kId{"id", "Only tasks whose id begins so; no other filter counts.",
                                    R"({"type":"string","minLength":4,"maxLength":36})"};
  constexpr net::QueryParameter kType{"type", "Only tasks of this type."};
  constexpr net::QueryParameter kSite{"site", "Only tasks for this site."};
  constexpr net::QueryParameter kWorker{"worker_id", "Only tasks of this worker."};
  constexpr net::QueryParameter kForce{
      "force", "Also while a worker has it: that attempt is stopped.", R"({"type":"boolean"})"};
  constexpr net::QueryParameter kAfter{"after", "A next_cursor of an earlier answer."};
  constexpr net::QueryParameter kIdempotencyKey{
      "Idempotency-Key", "For one task: the same as its idempotency_key.",
      R"({"type":"string","minLength":1,"maxLength":256})"};
  const auto bind = [this](Handler h) {
    return [this, h](const HttpRequest& r) { return h(*this, r); };
  };
  const net::RouteDocuments submission{
      .request = "TaskSubmission", .response = "TaskReceipt", .headers = {kIdempotencyKey}};
  return {
      net::many_values({"POST", "/api/tasks", kOperate, kBatch, "Submit one task or an array.",
                        bind(post_tasks), submission}),
      net::heavy({"GET",
                  "/api/tasks",
                  kOperate,
                  0,
                  "List tasks, newest first.",
                  bind(list_tasks),
                  {"", "TaskList"},
                  {kId, kStatus, kType, kSite, kWorker, kLimitParameter, kCursorParameter}}),
      {"GET",
       "/api/tasks/{id}",
       kOperate,
       0,
       "One task; ?wait=30 waits for its end.",
       bind(get_task),
       {"", "TaskDetail"},
       {kWaitParameter}},
      {"GET",
       "/api/tasks/{id}/logs",
       kOperate,
       0,
       "Its output so far; ?after=&wait= follows.",
       bind(get_task_logs),
       {"", "LogPage"},
       {kAfter, kWaitParameter}},
      net::heavy({"GET",
                  "/api/tasks/{id}/explain",
                  kOperate,
                  0,
                  "Why it waits, per worker.",
                  bind(explain_task),
                  {"", "Explanation"}}),
      {"POST",
       "/api/tasks/{id}/cancel",
       kOperate,
       kSmall,
       "End it.",
       bind(cancel_task),
       {"", "Task"}},
      {"POST",
       "/api/tasks/{id}/retry",
       kOperate,
       kSmall,
       "Queue it again with fresh tries.",
       bind(retry_task),
       {"", "Task"},
       {kForce}},
      {"GET",
       "/api/task-types",
       kOperate,
       0,
       "Known task types with their schemas.",
       bind(task_types),
       {"", "TaskTypeList"}},
      net::heavy({"GET",
                  "/api/workers/{id}/tasks",
                  kOperate,
                  0,
                  "Tasks of one worker.",
                  bind(list_worker_tasks),
                  {"", "TaskList"},
                  {kStatus, kType, kSite, kLimitParameter, kCursorParameter}}),
      {"POST",
       "/api/workers/{id}/claim",
       kWork,
       kDocument,
       "Lease tasks; long-polls.",
       bind(claim),
       {"ClaimRequest", "ClaimReply"}},
      {"POST",
       "/api/workers/{id}/release",
       kWork,
       kDocument,
       "Hand tasks back unfinished.",
       bind(release),
       {"ReleaseRequest", "BeatReply"}},
      net::many_values({"POST",
                        "/api/workers/results",
                        kWork,
                        kBatch,
                        "One envelope or an array.",
                        bind(post_results),
                        {"ResultsRequest", "ResultsReply"}},
                       kResultValues),
  };
}

}  // namespace skep::control
