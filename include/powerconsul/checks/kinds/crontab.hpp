#pragma once

#include <powerconsul/checks/kinds/process.hpp>
#include <powerconsul/probes/crontab/crontab.hpp>
#include <powerconsul/probes/crontab/system.hpp>

namespace powerconsul::inline v0::checks {

/// Is a user's crontab in place, or a job in the system's crontabs? With check_procs' arguments and no user it is the
/// process check, since the original's manual writes that check so.
struct crontab {
    static constexpr kind_words words{
        .name = "crontab",
        .about = "is a user's crontab in place as its role demands",
        .required = "(-u <user> | --system -p <text> | -n '<check_procs arguments>') -S <Consul service>",
        .example = "powerconsul check crontab -u deploy -S deployCrontab -p rotate.sh",
    };
    static constexpr std::array options{
        option{'u', "user", "NAME", "whose crontab must be in place"},
        option{'p', "pattern", "TEXT", "a line that is no comment must contain this text", true},
        option{0, "crontab-dir", "DIR", "where crontabs stand (default /var/spool/cron/crontabs)"},
        option{0, "system", "", "look in /etc/crontab and /etc/cron.d, for a job of the user or with the text"},
        option{'n', "nagiosargs", "ARGS", "without -u: check processes, as check process -n does", true},
        plugin_option,
    };

    std::string user{};
    std::string pattern{};                   ///< a line must contain it; empty if any job will do
    std::optional<std::string> directory{};  ///< where crontabs stand, if not in /var/spool/cron/crontabs
    bool system{};                           ///< look in /etc/crontab and /etc/cron.d
    process instead{};                       ///< checked instead if it has arguments for check_procs

    [[nodiscard]] static auto from(const given_options auto& given) -> crontab {
        process plugin;
        plugin.arguments = given.value("nagiosargs");
        plugin.plugin = given.value("plugin");
        plugin.called_as = words;
        return {given.value("user").value_or(""), given.value("pattern").value_or(""), given.value("crontab-dir"),
                given.has("system"), std::move(plugin)};
    }

    [[nodiscard]] auto valid() const -> result<void> {
        if (instead.arguments) {
            for (const auto& [name, there] :
                 {std::pair{"user", !user.empty()}, std::pair{"pattern", !pattern.empty()},
                  std::pair{"crontab-dir", directory.has_value()}, std::pair{"system", system}}) {
                if (!there) continue;
                return fail(errc::usage,
                            "-n/--nagiosargs and --" + std::string{name} +
                                " exclude each other: the one asks for processes, the other for a crontab" +
                                see_help(words));
            }
            return instead.valid();
        }
        if (instead.plugin) return fail(errc::usage, "--plugin needs -n/--nagiosargs" + see_help(words));
        if (system && directory) {
            return fail(errc::usage,
                        "--system and --crontab-dir exclude each other: the one asks for the system's "
                        "crontabs, the other for a user's" +
                            see_help(words));
        }
        if (system && user.empty() && pattern.empty()) {
            return fail(errc::usage,
                        "--system needs -p/--pattern or -u/--user: every machine has some job" + see_help(words));
        }
        if (!system && user.empty()) return missing("-u/--user", words);
        if (auto valid = validate_crontab_user(user); !user.empty() && !valid) return valid;
        if (pattern.find('\n') == std::string::npos) return {};
        return fail(errc::usage, "-p/--pattern holds a newline, but is looked for within one line" + see_help(words));
    }

    [[nodiscard]] auto subject() const -> check_subject {
        if (instead.arguments) return instead.subject();
        if (system) return {.kind = std::string{words.name}, .name = "/etc/crontab", .title = "the system's crontab"};
        return {.kind = std::string{words.name}, .name = user, .title = user.empty() ? "" : "the crontab of " + user};
    }

    /// As the original prints them: the pattern always, and what is wrong as `error`.
    [[nodiscard]] auto details() const -> report_details {
        if (instead.arguments) return {};
        report_details all{{"pattern", pattern.empty() ? std::nullopt : std::optional{pattern}}};
        if (system && !user.empty()) all.emplace_back("user", user);
        return all;
    }

    /// Whether this check looks up an account.
    [[nodiscard]] auto names_user() const -> bool { return !instead.arguments; }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> sighting {
        if (instead.arguments) return instead.look(here, now);
        sighting seen{look_at_crontab(here)};
        seen.details = {{"error", seen.all.front().reason}};
        return seen;
    }

private:
    [[nodiscard]] auto look_at_crontab(auto& here) const -> observed {
        if (system) {
            const system_crontab_options where{.user = user, .pattern = pattern, .now = here.clock.wall()};
            return system_crontab_probe{where, here.files, here.users}();
        }
        crontab_options how{.user = user, .pattern = pattern, .now = here.clock.wall()};
        if (directory) how.directory = *directory;
        return crontab_probe{how, here.files, here.users}();
    }
};

}  // namespace powerconsul::inline v0::checks
