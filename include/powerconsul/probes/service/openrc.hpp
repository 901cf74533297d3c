#pragma once

#include <array>
#include <string>
#include <string_view>

#include <powerconsul/ports/executor.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/sysv.hpp>

namespace powerconsul::inline v0 {

/// Interprets the result of `rc-service <name> status`. OpenRC's own scripts print `status: <state>` and exit with the
/// code of that state (openrc-run.sh and supervise-daemon.sh, 0.45); both have to agree. Plain init scripts, which
/// rc-service runs too, are interpreted as the LSB says.
[[nodiscard]] inline auto interpret_rc_service(const outcome& end, const init_script& script = {},
                                               const std::vector<std::string>& ignored = {}) -> observed {
    using enum observation;
    if (end.how == ending::timed_out) return {unknown, "rc-service did not answer in time"};
    if (end.how == ending::signalled) return {unknown, "rc-service was ended by signal " + std::to_string(end.status)};
    struct known {
        std::string_view word;
        int code;
        observation state;
    };
    constexpr std::array states{
        known{"started", 0, running},        known{"stopped", 3, stopped},   known{"stopping", 4, running},
        known{"starting", 8, running},       known{"inactive", 16, stopped}, known{"crashed", 32, stopped},
        known{"unsupervised", 64, degraded},
    };
    const std::string text = end.out + '\n' + end.err;
    const std::string exits = "rc-service exits " + std::to_string(end.status);
    std::string_view rest = text;
    std::string label;
    std::string state;
    while (state.empty()) {
        const auto [word, signs] = detail::next_word(rest);
        if (word.empty()) break;
        if (label == "status" && signs.starts_with(':')) state = word;
        label = word;
    }
    if (!state.empty()) {
        for (const auto& each : states) {
            if (each.word == state && each.code == end.status) return {each.state, "rc-service says " + state};
        }
        return {unknown, exits + detail::said(end)};
    }
    if (text.find("does not exist") != std::string::npos) {
        return {unknown, exits + ": OpenRC knows no such service"};
    }
    // The codes that only OpenRC has.
    for (const auto& each : states) {
        if (each.code > 4 && each.code == end.status) return {each.state, exits + " (" + std::string{each.word} + ')'};
    }
    return interpret_init_script(end, script, ignored);
}

}  // namespace powerconsul::inline v0
