#pragma once

#include <powerconsul/checks/report.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/service_manager.hpp>

namespace powerconsul::inline v0::checks {

/// One option of a command line.
struct option {
    char letter{};             ///< '\0' if it has none
    std::string_view name{};   ///< the long name, without `--`
    std::string_view value{};  ///< what the help calls the value; empty for a flag
    std::string_view help{};
    bool free_text{};  ///< the value may look like an option, as a pattern or another program's arguments may
    bool variable{};   ///< an environment variable `POWERCONSUL_…` can stand for it, as for every global option
};

/// How the executable's help and messages present a kind of check.
struct kind_words {
    std::string_view name{};      ///< as in `check service`
    std::string_view about{};     ///< for the list of commands
    std::string_view required{};  ///< the options that must be there, for the usage line
    std::string_view example{};   ///< a call that works
    bool asks_service_manager{};
    std::size_t operands{};  ///< how many arguments it takes that are not options
};

/// What a parsed command line offers to a kind of check.
template <typename T>
concept given_options = requires(const T& given, std::string_view name) {
    { given.has(name) } -> std::same_as<bool>;
    { given.value(name) } -> std::same_as<std::optional<std::string>>;
    { given.operands } -> std::convertible_to<const std::vector<std::string>&>;
};

/// What a check may rely on while it looks.
struct circumstances {
    milliseconds deadline{};                    ///< on the host's monotonic clock
    expectation expects{expectation::unknown};  ///< what this node's role expects
    std::optional<service_manager> manager{};   ///< the one that the machine runs if not set
    std::string init_directory{"/etc/init.d"};  ///< where init scripts stand
};

/// What a look at the machine found: one observation, or one for each member of a group.
struct sighting {
    std::vector<observed> all{};
    report_details details{};

    sighting(observed one) : all{std::move(one)} {}                       // NOLINT: a single observation is one
    sighting(std::vector<observed> several) : all{std::move(several)} {}  // NOLINT
};

inline const observed no_time_left{observation::unknown, "the time was over before the service could be looked at"};

/// The end of a message about wrong options: `; see powerconsul check service --help`.
[[nodiscard]] inline auto see_help(const kind_words& kind) -> std::string {
    return "; see powerconsul check " + std::string{kind.name} + " --help";
}

/// The error for a missing option; `spelling` as in `-s/--service`.
[[nodiscard]] inline auto missing(const std::string& spelling, const kind_words& kind) -> unexpected {
    return fail(errc::usage, "the option " + spelling + " is missing" + see_help(kind));
}

/// A kind of check is one value: what to look at, and how to look.
///
/// - `words`, `options`: what the executable's help, its parser and its completion need;
/// - `from(given)`: the check that the options describe, not validated, so that even a wrong call names its subject;
/// - `valid()`: fails with errc::usage if it cannot be looked at;
/// - `subject()`: what the report is about; a group has `members`;
/// - `look(here, now)`: looks at a host before the deadline. A group gives one observation for each member.
///
/// `looks_aside()` is optional: whether the look takes long enough to be worth a thread beside the one that asks
/// Consul, and does not need to know what the role expects.
///
/// `details()` is optional: members of the JSON line that do not depend on what is seen. A member `error` of a sighting
/// is only printed where the verdict is a warning or critical.
template <typename K, typename Host>
concept kind = requires(const K& what, Host& here, const circumstances& now) {
    { what.valid() } -> std::same_as<result<void>>;
    { what.subject() } -> std::same_as<check_subject>;
    { what.look(here, now) } -> std::convertible_to<sighting>;
};

}  // namespace powerconsul::inline v0::checks
