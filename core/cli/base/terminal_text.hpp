// Bytes of scripts and of other people on their way to a terminal, which would obey some of them.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace skep::cli {

struct Console;

/// Makes visible what a terminal would obey: control characters, also those of U+0080 to U+009F
/// and bytes that are no UTF-8, as "\x1b", and what turns the direction of writing as "\u202e".
/// Line feeds and tabs stay; a carriage return ends the line, so that none is written over.
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

/// JSON text that no terminal obeys: what JSON lets through of the above becomes "\u009b".
std::string visible_json(std::string_view json);

}  // namespace skep::cli
