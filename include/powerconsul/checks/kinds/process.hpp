#pragma once

#include <powerconsul/checks/kinds/kind.hpp>
#include <powerconsul/core/shell_words.hpp>
#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/probes/process/process.hpp>

namespace powerconsul::inline v0::checks {

inline constexpr option plugin_option{0, "plugin", "FILE",
                                      "the check_procs to run (default: looked for where packages put Nagios plugins)"};

/// Do processes run? Asked of Nagios's check_procs, or of the process table itself.
struct process {
    static constexpr kind_words words{
        .name = "process",
        .about = "do processes run as their role demands",
        .required = "(-n '<check_procs arguments>' | --name <name>) -S <Consul service>",
        .example = "powerconsul check process -n '-c 1:1 -C cron' -S cronService",
    };
    static constexpr std::array options{
        option{'n', "nagiosargs", "ARGS", "run Nagios's check_procs with these arguments", true},
        plugin_option,
        option{0, "name", "NAME", "count the processes of this name, without a plugin"},
        option{0, "cmdline", "REGEX",
               "count those whose command line matches this regular expression, as in Python's re"},
        option{'u', "user", "NAME", "count those of this user (name or number)"},
        option{0, "count", "MIN:MAX", "how many there must be, as in 1:4 or 2: (default 1:)"},
    };

    std::optional<std::string> arguments{};  ///< of check_procs, as a shell would split them
    std::optional<std::string> plugin{};     ///< absolute path of check_procs
    std::optional<std::string> name{};
    std::optional<std::string> cmdline{};  ///< regular expression
    std::optional<std::string> user{};     ///< name or number
    std::optional<std::string> count{};    ///< as parse_count() takes it
    bool containers{};                     ///< a container's processes count, too
    kind_words called_as{words};           ///< for messages

    [[nodiscard]] static auto from(const given_options auto& given) -> process {
        return {given.value("nagiosargs"), given.value("plugin"), given.value("name"),    given.value("cmdline"),
                given.value("user"),       given.value("count"),  given.has("containers")};
    }

    [[nodiscard]] auto valid() const -> result<void> {
        if (arguments) {
            for (const auto& [option, there] : {std::pair{"name", name.has_value()},
                                                {"cmdline", cmdline.has_value()},
                                                {"count", count.has_value()}}) {
                if (!there) continue;
                return fail(errc::usage, "-n/--nagiosargs and --" + std::string{option} +
                                             " exclude each other: the one asks check_procs, the other looks itself" +
                                             see_help(called_as));
            }
            return valid_plugin();
        }
        if (plugin) return fail(errc::usage, "--plugin needs -n/--nagiosargs" + see_help(called_as));
        if (!name && !cmdline && !user) {
            return fail(errc::usage,
                        "one of -n/--nagiosargs, --name, --cmdline and -u/--user is missing" + see_help(called_as));
        }
        if (count) {
            if (const auto range = parse_count(*count); !range) {
                return fail(errc::usage, "--count: " + range.error().message);
            }
        }
        if (auto valid = validate(filter()); !valid) {
            const std::string which = valid.error().code == errc::bad_data ? "--cmdline: " : "";
            return fail(errc::usage, which + valid.error().message + see_help(called_as));
        }
        return {};
    }

    [[nodiscard]] auto subject() const -> check_subject {
        if (arguments) {
            return {.kind = std::string{words.name},
                    .name = *arguments,
                    .title = "check_procs " + one_line(*arguments, 200),
                    .key = "nagiosArgs"};
        }
        const bool any = user || !name.value_or("").empty() || !cmdline.value_or("").empty();
        return {.kind = std::string{words.name}, .name = any ? describe(filter(), user.value_or("")) : ""};
    }

    /// Whether this check looks up an account.
    [[nodiscard]] auto names_user() const -> bool { return user.has_value(); }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> sighting {
        if (arguments) return ask_plugin(here, now);
        process_filter wanted = filter();
        if (user) {
            const auto uid = find_user(here.users, *user);
            if (!uid) return observed{observation::unknown, uid.error().message};
            wanted.user = *uid;
        }
        const auto range = parse_count(count.value_or("1:"));
        if (!range) return observed{observation::unknown, range.error().message};
        return process_probe{wanted, *range, here.files}();
    }

private:
    /// What was asked for; the user's id is only a placeholder until look() finds the real one.
    [[nodiscard]] auto filter() const -> process_filter {
        process_filter shown{.name = name.value_or(""), .cmdline = cmdline.value_or(""), .containers = containers};
        if (user) shown.user = 0;
        return shown;
    }

    [[nodiscard]] auto valid_plugin() const -> result<void> {
        const auto split = split_words(*arguments);
        if (!split) return fail(errc::usage, "-n/--nagiosargs: " + split.error().message);
        if (split->empty()) {
            return fail(errc::usage, "-n/--nagiosargs has no arguments: check_procs would count all processes");
        }
        if (!plugin || plugin->empty() || plugin->starts_with('/')) return {};
        return fail(errc::usage, "--plugin: an absolute path is expected, not " + quoted(*plugin));
    }

    [[nodiscard]] auto ask_plugin(auto& here, const circumstances& now) const -> sighting {
        const milliseconds left = now.deadline - here.clock.monotonic();
        if (left.count <= 100) return no_time_left;
        auto split = split_words(*arguments);
        if (!split) return observed{observation::unknown, split.error().message};
        plugin_probe probe{
            plugin_options{std::move(*split), plugin.value_or(""), {left.count * 3 / 5}, now.expects, containers},
            here.programs, here.files};
        sighting seen{probe()};
        seen.details = {{"nagiosScript", probe.path()}, {"nagiosOutput", probe.first_line()}};
        return seen;
    }
};

}  // namespace powerconsul::inline v0::checks
