// Bytes of scripts and of other people on their way to a terminal, which would obey some of them.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace skep::cli {

struct Console;

/// visible() of bytes that come in portions.
class TerminalText {
 public:
  /// The next bytes, in any portions. A character that is not whole yet is kept for the next call.
  std::string add(std::string_view bytes);
  /// What is left when nothing more comes.
  std::string end();

 private:
  std::string rest_;
};

/// The two streams of a script on those of the console: bytes as they are, but visible ones on a
/// terminal unless `raw`.
class ScriptOutput {
 public:
  /// The console must outlive it.
  ScriptOutput(const Console& console, bool raw);
  ~ScriptOutput();
  ScriptOutput(const ScriptOutput&) = delete;
  ScriptOutput& operator=(const ScriptOutput&) = delete;

  void out(std::string_view bytes);
  void err(std::string_view bytes);
  /// A line of ours about what comes next, on `err` and at the beginning of a line.
  void mark(std::string_view line);

 private:
  class Stream {
   public:
    Stream(std::ostream& to, bool visible) : to_(to), visible_(visible) {}
    void write(std::string_view bytes);
    void end();
    bool mid_line() const { return mid_line_; }

   private:
    void put(const std::string& text);

    std::ostream& to_;
    TerminalText text_;
    bool visible_;
    bool mid_line_ = false;
  };

  const Console& console_;
  Stream out_;
  Stream err_;
};

}  // namespace skep::cli
