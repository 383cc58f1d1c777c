#include "core/plughost/conversation.hpp"

#include <bit>
#include <cstdio>
#include <exception>

#include "core/base/utf8.hpp"
#include "core/plughost/limits.hpp"
#include "core/plugin/boundary.hpp"
#include "core/plugin/host_call.hpp"
#include "core/plugin/isolation/start_frame.hpp"
#include "core/plugin/log_line.hpp"
#include "core/plugin/services/host.hpp"
#include "core/plugin/view.hpp"
#include "core/proc/launch.hpp"

namespace skep::plughost {
namespace {

using namespace plugin;
using frames::Type;

/// The connection for what comes from any thread without an object of ours.
frames::Link* g_link = nullptr;
HostLine* g_line = nullptr;

void send_line(Type type, std::uint32_t level, std::string_view event, std::string_view fields) {
  constexpr std::size_t kMaxLine = 32u << 10;
  if (event.size() + fields.size() > kMaxLine) fields = "{\"cut\":\"the line was too long\"}";
  const std::string body = frames::Packer().text(clip_utf8(event, kMaxLine)).text(fields).body();
  // Without a host there is nobody to tell.
  [[maybe_unused]] const auto sent = g_link->send(type, static_cast<std::int32_t>(level), body);
}

void send_log(std::uint32_t level, std::string_view event, std::string_view fields) {
  send_line(Type::kLog, level, event, fields);
}

void send_figure(std::string_view name, double value, bool adds) {
  constexpr std::size_t kMaxName = 64;
  const std::string body = frames::Packer()
                               .text(name.substr(0, kMaxName + 1))
                               .integer(std::bit_cast<std::int64_t>(value))
                               .body();
  [[maybe_unused]] const auto sent = g_link->send(Type::kMetric, adds ? 1 : 0, body);
}

/// The host knows the value and hides it in all that comes from here.
Result<std::string> ask_for_secret(std::string_view asker, std::string_view name) {
  return g_line->ask(frames::Ask::kSecret, frames::Packer().text(asker).text(name).body());
}

ports::TaskEvents events_over(frames::Link& link) {
  ports::TaskEvents events;
  // A host that is gone ends us by its own means; until then nothing else can be done here.
  events.output = [&link](bool is_stderr, std::string_view bytes) {
    const auto channel = is_stderr ? SKEP_CH_STDERR : SKEP_CH_STDOUT;
    [[maybe_unused]] const auto sent = link.send(Type::kEmit, static_cast<int>(channel), bytes);
  };
  events.progress = [&link](std::uint32_t permille, std::string_view note) {
    [[maybe_unused]] const auto sent =
        link.send(Type::kProgress, static_cast<int>(permille), clip_utf8(note, 1024));
  };
  events.log = [&link](std::string_view json) {
    [[maybe_unused]] const auto sent = link.send(Type::kEmit, SKEP_CH_LOG, json);
  };
  return events;
}

}  // namespace

Conversation::Conversation(UniqueFd socket, SharedCancel cancel)
    : link_(std::move(socket)), cancel_(std::move(cancel)) {
  g_link = &link_;
  g_line = &line_;
}

void Conversation::send(Type type, std::int32_t value, std::string_view body) {
  // The end of the connection is noticed by the next receive().
  [[maybe_unused]] const auto sent = link_.send(type, value, body);
}

/// The host answers questions until it hears how this ended: the line is closed by then, or the
/// next order would be taken for an answer.
template <class Work>
auto Conversation::while_open(Work work) {
  const HostLine::Open open(line_);
  return work();
}

void Conversation::run() {
  for (;;) {
    const auto frame = link_.receive(true);
    if (!frame || !*frame || !serve(**frame)) break;
  }
  instance_.reset();
}

bool Conversation::serve(const frames::Frame& frame) {
  const auto whole = parts_.add(frame);
  if (!whole) return false;
  if (!*whole) return true;
  const std::string body(**whole);  // the plugin may make us receive again
  if (frame.type == Type::kStart) {
    const Status started = while_open([&] { return start(body); });
    frames::Packer out;
    frames::pack_error(out, frames::error_of(started));
    send(Type::kStarted, 0, out.body());
    return static_cast<bool>(started);
  }
  if (instance_ == nullptr) return false;
  if (frame.type == Type::kRun) run_task(body);
  if (frame.type == Type::kLoad) load(body);
  if (frame.type == Type::kDrop) drop(body);
  return frame.type != Type::kStop;
}

Status Conversation::start(std::string_view body) {
  const auto plugin = unpack_start(body);
  if (!plugin) return plugin.error();
  SKEP_TRY(restrict_process(plugin->limits));
  set_log_sink(send_log);
  set_metric_sink(send_figure);
  set_secret_source(ask_for_secret);
  proc::watch_children(0);  // its thread now, or it would look like one of the plugin's
  plugin_id_ = plugin->plugin_id;
  component_ = plugin->component;
  const PluginFacts facts{plugin->plugin_id,  plugin->version,
                          plugin->generation, plugin->permissions,
                          plugin->state_dir,  plugin->node_id,
                          plugin->site,       plugin->per_task ? "per-task" : "process"};
  auto loaded = LoadedPlugin::load(facts, plugin->file);
  if (!loaded) return loaded.error();
  auto instance = Instance::start(*loaded, plugin->component, plugin->kind, plugin->config_json);
  if (!instance) return instance.error();
  instance_ = std::move(*instance);
  threads_.emplace();
  if (plugin->kind == SKEP_KIND_TASK) task_ = static_cast<const skep_task_v1*>(instance_->iface());
  if (plugin->kind == SKEP_KIND_SCRIPT_HOST)
    scripts_ = static_cast<const skep_script_host_v1*>(instance_->iface());
  if (task_ == nullptr && scripts_ == nullptr)
    return Error{Code::kUnsupported, "kind " + plugin->kind + " does not run in a child process"};
  return {};
}

void Conversation::run_task(std::string_view body) {
  const auto run = unpack_run(body);
  DoneFrame done;
  if (!run) return send(Type::kDone, SKEP_E_INTERNAL, pack_done(done));
  const skep_rc rc = while_open([&] { return run_in_call(*run, done); });
  std::fflush(stdout);  // what this task printed is this task's
  done.threads_left = threads_->new_ones();
  send(Type::kDone, rc, pack_done(done));
}

/// When it returns the call has ended: nothing of it comes after kDone.
skep_rc Conversation::run_in_call(const RunFrame& run, DoneFrame& done) {
  ports::CancelToken token(cancel_.reason(), cancel_.event_fd());
  const ports::TaskEvents events = events_over(link_);
  TaskCall call(run.owner, run.deadline, token, events);
  call.log_to([](std::uint32_t level, std::string_view event, std::string_view fields) {
    send_line(Type::kCallLog, level, event, fields);
  });
  NestedTasks nested(line_);
  ports::RunRequest request;  // the host knows the attempt, the site and the worker
  request.folder = run.folder;
  request.artifact_bytes = run.artifact_bytes;
  call.nest(&nested, request);
  const skep_rc rc = call_plugin(run, call, done.threw);
  done.said = call.take_said();
  return rc;
}

skep_rc Conversation::call_plugin(const RunFrame& run, TaskCall& call, std::string& threw) {
  try {
    if (task_ != nullptr)
      return task_->run(instance_->handle(), call.handle(), to_view(run.request));
    return scripts_->run(instance_->handle(), call.handle(), to_view(run.script_id),
                         to_view(run.request));
  } catch (const std::exception& e) {
    threw = e.what();
  } catch (...) {
    threw = "an exception of unknown type";
  }
  return SKEP_E_INTERNAL;
}

void Conversation::load(std::string_view body) {
  frames::Unpacker in(body);
  const std::string_view id = in.text();
  const std::string_view file = in.text();
  const std::string_view source = in.text();
  std::string manifest;
  const skep_sink sink{&manifest, [](void* out, skep_view bytes) noexcept -> skep_rc {
                         try {
                           static_cast<std::string*>(out)->append(text(bytes));
                           return SKEP_OK;
                         } catch (const std::exception&) {
                           return SKEP_E_NO_MEMORY;
                         }
                       }};
  HostCall call(plugin_id_, component_, 0);  // our host kills us when it is late
  Status read = Error{Code::kUnsupported, "this component reads no scripts"};
  if (scripts_ != nullptr && in.ok())
    read = while_open([&] {
      return plugin::call_code([&](skep_err* err) {
               return scripts_->load(instance_->handle(), call.handle(), to_view(id), to_view(file),
                                     to_view(source), &sink, err);
             })
          .status;
    });
  frames::Packer out;
  frames::pack_error(out, frames::error_of(read));
  out.text(read ? std::string_view(manifest) : std::string_view());
  send(Type::kLoaded, 0, out.body());
}

void Conversation::drop(std::string_view script_id) {
  if (scripts_ == nullptr) return;
  // There is nobody to tell: the next run of the script says that it is unknown.
  HostCall call(plugin_id_, component_, 0);
  [[maybe_unused]] const auto dropped = plugin::call_plugin("drop", [&](skep_err* err) {
    return scripts_->drop(instance_->handle(), call.handle(), to_view(script_id), err);
  });
}

}  // namespace skep::plughost
