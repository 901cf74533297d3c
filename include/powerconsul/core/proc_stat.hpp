#pragma once

#include <algorithm>

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
    // Numbered as in proc(5), from the third on.
    const auto fields = split(text.substr(close + 1, text.find('\n', close) - close - 1), ' ');
    const auto number = [&](std::size_t field) { return whole_number(fields[field - 2]); };
    if (fields.size() < 21 || !fields[0].empty()) return refused();
    if (std::find(fields.begin() + 1, fields.begin() + 21, "") != fields.begin() + 21) return refused();
    const auto parent = whole_number<std::uint32_t>(fields[2]);
    if (!pid || !parent || !number(9) || !number(20) || !number(22)) return refused();
    process read{.pid = *pid, .parent = *parent, .start = *number(22), .state = fields[1].front()};
    read.name = text.substr(open + 1, close - open - 1);
    read.kernel = (*number(9) & 0x0020'0000U) != 0;  // PF_KTHREAD
    // A program whose first thread has ended is shown as a zombie while its other threads run on.
    read.ended = (read.state == 'Z' || read.state == 'X') && *number(20) <= 1;
    return read;
}

}  // namespace powerconsul::inline v0
