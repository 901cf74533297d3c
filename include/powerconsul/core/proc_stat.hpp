#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// How a process is related to the one that looks.
enum class kinship : unsigned char { none, self, ancestor, descendant };

/// What /proc/<pid>/stat says of a process (proc(5)), a kernel thread included.
struct process {
    std::uint32_t pid{};
    std::uint32_t parent{};  ///< 0 if there is none or it is in another PID namespace
    std::uint64_t start{};   ///< clock ticks since the machine was started
    char state{};            ///< R, S, D, Z, ...
    bool ended{};            ///< no thread runs any more, but its parent has not reaped it yet
    bool kernel{};
    kinship kin{kinship::none};
    std::string name{};  ///< at most 15 bytes, those of kernel threads may be longer; any bytes but NUL
};

/// Reads the text of a /proc/<pid>/stat.
[[nodiscard]] inline auto parse_process(std::string_view text) -> result<process> {
    const auto refused = [&] {
        return fail(errc::bad_data, "the process status " + quoted(text) +
                                        " is not what is expected: pid (name) state parent and at least 18 numbers");
    };
    // The name may hold anything, brackets and blanks too; nothing behind it does.
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) return refused();
    const auto pid = whole_number<std::uint32_t>(text.substr(0, open == 0 ? 0 : open - 1));
    std::optional<std::uint32_t> parent;
    std::optional<std::uint64_t> flags;
    std::optional<std::uint64_t> threads;
    std::optional<std::uint64_t> start;
    process read;
    std::string_view rest = text.substr(close + 1);
    for (int field = 3; field <= 22; ++field) {  // numbered as in proc(5)
        if (rest.empty() || rest.front() != ' ') return refused();
        rest.remove_prefix(1);
        const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
        rest.remove_prefix(word.size());
        if (word.empty()) return refused();
        if (field == 3) read.state = word.front();
        if (field == 4) parent = whole_number<std::uint32_t>(word);
        if (field == 9) flags = whole_number(word);
        if (field == 20) threads = whole_number(word);
        if (field == 22) start = whole_number(word);
    }
    if (!pid || !parent || !flags || !threads || !start) return refused();
    read.pid = *pid;
    read.parent = *parent;
    read.start = *start;
    read.name = text.substr(open + 1, close - open - 1);
    read.kernel = (*flags & 0x0020'0000U) != 0;  // PF_KTHREAD
    // A program whose first thread has ended is shown as a zombie while its other threads run on.
    read.ended = (read.state == 'Z' || read.state == 'X') && *threads <= 1;
    return read;
}

}  // namespace powerconsul::inline v0
