#pragma once

#include <ctime>

#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// Whether a file demands that a check passes whatever is expected. `ignored`: something is there that does not count.
/// `unknown`: the file could not be looked at.
enum class noop_state : unsigned char { absent, present, ignored, unknown };

struct noop_sighting {
    noop_state state{noop_state::absent};
    std::string reason{};  ///< for a person; changes only with the file and, seldom, with its age
};

struct noop_options {
    std::string path{};                     ///< no file is looked for if empty
    std::optional<milliseconds> max_age{};  ///< since its last modification; an older file does not count
};

namespace detail {

/// Writes seconds since 1970-01-01 UTC as `2026-11-22T20:57:00Z`.
[[nodiscard]] inline auto utc_time(std::int64_t seconds) -> std::string {
    const auto when = static_cast<std::time_t>(seconds);
    std::tm parts{};
    std::array<char, 40> text{};
    if (::gmtime_r(&when, &parts) == nullptr) return "an unknown time";
    const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

/// An age in words, in steps so large that a check's output seldom changes because of it.
[[nodiscard]] inline auto coarse_age(std::int64_t seconds) -> std::string {
    constexpr std::int64_t hour = 3600;
    constexpr std::int64_t day = 24 * hour;
    if (seconds < hour) return "less than an hour old";
    if (seconds < 2 * hour) return "an hour old";
    if (seconds < 2 * day) return std::to_string(seconds / hour) + " hours old";
    return std::to_string(seconds / day) + " days old";
}

}  // namespace detail

/// Looks for the file. Only a regular file counts, as with the original; a symbolic link is not followed. If there is a
/// maximum age, a file dated more than a minute in the future does not count either: it would never grow old.
template <file_source Files, clock Clock>
[[nodiscard]] auto look_for_noop(Files& files, Clock& time, const noop_options& options) -> noop_sighting {
    if (options.path.empty()) return {};
    const std::string name = "the noop file " + quoted(options.path);
    const auto seen = files.status(options.path);
    if (!seen) return {noop_state::unknown, name + ": " + seen.error().message};
    if (!*seen) return {};
    if ((*seen)->kind != file_kind::regular) {
        return {noop_state::ignored, name + " does not count: a regular file is expected"};
    }
    const std::int64_t age = time.wall().count / 1000 - (*seen)->modified;
    const std::string when = name + " of " + detail::utc_time((*seen)->modified);
    if (options.max_age && age < -60) {
        return {noop_state::ignored, when + " does not count: it lies in the future, so that it would never grow old"};
    }
    const std::string old = age < -60 ? std::string{"from the future"} : detail::coarse_age(age);
    if (options.max_age && age > options.max_age->count / 1000) {
        return {noop_state::ignored,
                when + " is " + old + " and no longer counts: remove it, or touch it if it is still meant"};
    }
    return {noop_state::present, when + " is there, " + old};
}

}  // namespace powerconsul::inline v0
