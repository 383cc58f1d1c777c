#include "core/conformance/check.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/base/json.hpp"
#include "core/base/log.hpp"
#include "core/base/text.hpp"
#include "core/conformance/samples.hpp"
#include "core/conformance/test_case.hpp"
#include "core/plugin/hazards.hpp"
#include "core/plugin/stage.hpp"
#include "core/proc/monotonic.hpp"
#include "core/proc/subprocess.hpp"

namespace skep::conformance {
namespace {

namespace fs = std::filesystem;

/// What a child says begins a line with this; all else on its stdout is the plugin's.
constexpr char kMark = '\x1e';
#ifdef SKEP_SANITIZED
constexpr std::uint64_t kChildMemory = 0;  // shadow memory is address space, too
#else
constexpr std::uint64_t kChildMemory = 4ull << 30;
#endif
/// Of what a child writes, its end is kept: the finding comes last.
constexpr std::size_t kMostHeard = 16u << 20;

class WorkFolder {
 public:
  WorkFolder() {
    std::string name = (fs::temp_directory_path() / "skep-check-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;  // a leftover below /tmp changes no finding
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Job {
  const TestCase* test;
  std::string component;
};

Error unknown(const std::string& what, const std::string& word,
              const std::vector<std::string>& known) {
  Error e = not_found(what, word);
  e.message += "; " + suggestion(word, known);
  return e;
}

/// Is it the test `only`, or one of those that begin so?
bool is_named(std::string_view only, std::string_view id) {
  return only.ends_with('*') ? id.starts_with(only.substr(0, only.size() - 1)) : id == only;
}

Status check_words(const CheckOptions& o) {
  std::vector<std::string> names(tiers().begin(), tiers().end());
  for (const std::string& tier : o.tiers)
    if (std::find(names.begin(), names.end(), tier) == names.end())
      return unknown("tier", tier, names);
  std::vector<std::string> ids;
  for (const TestCase& t : test_cases()) ids.emplace_back(t.id);
  const auto fits = [&o](const std::string& id) { return is_named(o.only, id); };
  if (!o.only.empty() && std::none_of(ids.begin(), ids.end(), fits))
    return unknown("test", o.only, ids);
  return {};
}

bool wanted(const CheckOptions& o, const TestCase& t) {
  if (!o.only.empty()) return is_named(o.only, t.id);
  return o.tiers.empty() || std::find(o.tiers.begin(), o.tiers.end(), t.tier()) != o.tiers.end();
}

Result<std::vector<Job>> jobs_of(const CheckOptions& o, const plugin::Manifest& manifest) {
  std::vector<std::string> names;
  for (const auto& c : manifest.components) names.push_back(c.name);
  if (!o.component.empty() && std::find(names.begin(), names.end(), o.component) == names.end())
    return unknown("component", o.component, names);
  std::vector<Job> jobs;
  for (const TestCase& t : test_cases()) {
    if (!wanted(o, t)) continue;
    if (!t.per_component) jobs.push_back({&t, ""});
    if (!t.per_component) continue;
    for (const auto& c : manifest.components)
      if ((t.kind.empty() || c.kind == t.kind) && (o.component.empty() || o.component == c.name))
        jobs.push_back({&t, c.name});
  }
  return jobs;
}

/// Of a file whose manifest is not readable, nothing: then the static tests say why.
plugin::Manifest manifest_of(const std::string& file) {
  const auto inspected = plugin::inspect(file);
  if (!inspected) return {};
  auto manifest = plugin::parse_manifest(inspected->manifest);
  return manifest ? std::move(*manifest) : plugin::Manifest{};
}

std::string completed(const std::optional<api::Schema>& schema, const std::string& given,
                      const std::string& option) {
  if (!schema) return given;
  auto document = complete_document(*schema, given);
  if (document) return std::move(*document);
  throw Broken(document.error().message, "say what fits: " + option + " '{..}'");
}

void prepare(Subject& s, const CheckOptions& o, const std::string& component) {
  s.file = o.file;
  s.seed = o.seed;
  s.manifest = manifest_of(o.file);
  for (const auto& c : s.manifest.components)
    if (c.name == component) s.component = &c;
  if (s.component == nullptr) return;
  s.config = completed(s.component->config_schema, s.component->config_schema ? o.settings : "{}",
                       "--settings");
  s.params = completed(s.component->params_schema, o.params, "--params");
}

std::string signal_text(int number) {
  const char* abbreviation = ::sigabbrev_np(number);
  return abbreviation != nullptr ? "SIG" + std::string(abbreviation)
                                 : "signal " + std::to_string(number);
}

std::string to_line(const Finding& f) {
  JsonOut out;
  out.object().key("verdict").integer(static_cast<int>(f.status));
  out.key("message").str(f.message).key("fix").str(f.fix).end_object();
  return out.take();
}

/// What a child wrote, put together again.
struct Heard {
  std::string out;
  std::string err;
  std::string step = "the beginning";
  std::optional<json::object> finding;

  void read() {
    for (const std::string& line : split(out, '\n')) {
      const std::size_t mark = line.find(kMark);
      if (mark == std::string::npos) continue;
      const std::string text = line.substr(mark + 1);
      if (text.starts_with('{')) {
        const auto parsed = parse_json(text);
        if (parsed && parsed->is_object()) finding = parsed->get_object();
      } else {
        step = text;
      }
    }
  }
  /// The last line on stderr, or a sanitizer's summary, for the message.
  std::string last_words() const {
    std::vector<std::string> lines = split(err, '\n');
    for (const std::string& line : lines)
      if (line.starts_with("SUMMARY: ")) return ": " + line.substr(line.find(' ') + 1);
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines.empty() ? "" : ": " + lines.back();
  }
};

void judge_exit(const proc::Exit& exit, const Heard& heard, const CheckOptions& o, Finding& f) {
  f.status = TestStatus::kBroken;
  switch (exit.reason) {
    case proc::ExitReason::kTimeout:
      f.message =
          "did not end within " + std::to_string(o.timeout.count() / 1000) + " s, in " + heard.step;
      f.fix = "find what it waits for: run the test with --in-process under a debugger";
      return;
    case proc::ExitReason::kSignaled:
      f.message =
          "crashed with " + signal_text(exit.signal) + " in " + heard.step + heard.last_words();
      f.fix = "run the test with --in-process under a debugger";
      return;
    case proc::ExitReason::kCancelled:
    case proc::ExitReason::kExited:
      f.message = "ended the process with exit code " + std::to_string(exit.exit_code) + " in " +
                  heard.step + heard.last_words();
      f.fix = "never call exit() or _exit(): the process is the host's";
      return;
  }
}

std::vector<std::string> environment() {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) out.emplace_back(*entry);
  return out;
}

/// A file that was built with a sanitizer finds its run-time in the child, before all else, and as
/// much address space as that takes.
void sanitize(const std::string& file, proc::Spec& spec) {
  const char* given = ::getenv("LD_PRELOAD");
  const std::string runtime = plugin::sanitizer_runtime(file);
  const bool is_given =
      given != nullptr && std::string_view(given).find("san") != std::string::npos;
  if (runtime.empty() && !is_given) return;
  if (given == nullptr) spec.env.push_back("LD_PRELOAD=" + runtime);
  if (::getenv("ASAN_OPTIONS") == nullptr) spec.env.push_back("ASAN_OPTIONS=detect_leaks=0");
  spec.memory_bytes = 0;
}

void run_apart(const CheckOptions& o, const Job& job, const std::string& folder, Finding& f) {
  proc::Spec spec;
  spec.argv = o.child;
  spec.argv.insert(spec.argv.end(), {o.file, std::string(job.test->id)});
  if (!job.component.empty()) spec.argv.push_back(job.component);
  spec.env = environment();
  spec.cwd = folder;
  spec.timeout = o.timeout;
  spec.grace = Millis{0};
  spec.memory_bytes = kChildMemory;
  sanitize(o.file, spec);
  Heard heard;
  const auto exit = proc::run(spec, -1, 0, [&](bool is_stderr, std::string_view bytes) {
    std::string& to = is_stderr ? heard.err : heard.out;
    to.append(bytes);
    if (to.size() > kMostHeard) to.erase(0, to.size() - kMostHeard / 2);
    return true;
  });
  if (!exit) {
    f.message = exit.error().message;
    return;
  }
  heard.read();
  if (!heard.finding || exit->reason != proc::ExitReason::kExited || exit->exit_code != 0) {
    judge_exit(*exit, heard, o, f);
    return;
  }
  f.status = static_cast<TestStatus>(get_int(*heard.finding, "verdict"));
  f.message = get_string(*heard.finding, "message");
  f.fix = get_string(*heard.finding, "fix");
}

Finding run_job(const CheckOptions& o, const Job& job) {
  const WorkFolder folder;
  Finding f{std::string(job.test->id), job.component, std::string(job.test->rule)};
  const MonoMs begin = proc::monotonic_ms();
  if (folder.path().empty()) {
    f.message = "cannot make a folder in " + fs::temp_directory_path().string();
  } else if (o.in_process) {
    std::error_code ec;
    const fs::path home = fs::current_path(ec);
    fs::current_path(folder.path(), ec);
    f = run_here(o, f.id, f.component);
    fs::current_path(home, ec);
  } else {
    run_apart(o, job, folder.path(), f);
  }
  f.took = Millis(proc::monotonic_ms() - begin);
  return f;
}

void write_mark(std::string_view text) {
  const std::string line = "\n" + std::string(1, kMark) + std::string(text) + "\n";
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, line.data(), line.size());
}

}  // namespace

Finding run_here(const CheckOptions& options, const std::string& id, const std::string& component) {
  const TestCase* test = find_test(id);
  Finding f{id, component, test != nullptr ? std::string(test->rule) : ""};
  if (test == nullptr) return f;
  log::configure("text", "error");
  Subject subject;
  try {
    prepare(subject, options, component);
    test->run(subject);
    f.status = TestStatus::kPassed;
    f.message = subject.remark;
  } catch (const Broken& broken) {
    f.message = broken.what();
    f.fix = broken.fix();
  } catch (const Skipped& skipped) {
    f.status = TestStatus::kSkipped;
    f.message = skipped.what();
  } catch (const std::exception& e) {
    f.message = std::string("the test ended with an exception: ") + e.what();
    f.fix = "run the test with --in-process under a debugger";
  }
  return f;
}

void run_child(const CheckOptions& options, const std::string& id, const std::string& component) {
  on_step(write_mark);
  write_mark(to_line(run_here(options, id, component)));
}

Result<std::vector<Finding>> check(const CheckOptions& options, const Listener& listener) {
  SKEP_TRY(check_words(options));
  CheckOptions o = options;
  std::error_code ec;
  o.file = fs::absolute(o.file, ec).lexically_normal().string();
  if (!fs::is_regular_file(o.file, ec)) return not_found("plugin file", options.file);
  const auto jobs = jobs_of(o, manifest_of(o.file));
  if (!jobs) return jobs.error();
  listener.plan(jobs->size());
  std::vector<Finding> findings;
  for (const Job& job : *jobs) {
    findings.push_back(run_job(o, job));
    listener.finding(findings.back());
  }
  return findings;
}

}  // namespace skep::conformance
