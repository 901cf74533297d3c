#pragma once

#include <powerconsul/checks/kinds/process.hpp>
#include <powerconsul/probes/crontab.hpp>

namespace powerconsul::inline v0::checks {

/// Is a user's crontab in place? With check_procs' arguments and no user it is the process check, since the original's
/// manual writes that check so.
struct crontab {
    static constexpr kind_words words{
        .name = "crontab",
        .about = "is a user's crontab in place as its role demands",
        .required = "(-u <user> | -n '<check_procs arguments>') -S <Consul service>",
        .example = "powerconsul check crontab -u deploy -S deployCrontab -p rotate.sh",
    };
    static constexpr std::array options{
        option{'u', "user", "NAME", "whose crontab must be in place"},
        option{'p', "pattern", "TEXT", "a line that is no comment must contain this text", true},
        option{0, "crontab-dir", "DIR", "where crontabs stand (default /var/spool/cron/crontabs)"},
        option{'n', "nagiosargs", "ARGS", "without -u: check processes, as check process -n does", true},
        plugin_option,
    };

    std::string user{};
    std::string pattern{};                   ///< a line must contain it; empty if any job will do
    std::optional<std::string> directory{};  ///< where crontabs stand, if not in /var/spool/cron/crontabs
    process instead{};                       ///< checked instead if it has arguments for check_procs

    [[nodiscard]] static auto from(const given_options auto& given) -> crontab {
        process plugin;
        plugin.arguments = given.value("nagiosargs");
        plugin.plugin = given.value("plugin");
        plugin.called_as = words;
        return {given.value("user").value_or(""), given.value("pattern").value_or(""), given.value("crontab-dir"),
                std::move(plugin)};
    }

    [[nodiscard]] auto valid() const -> result<void> {
        if (instead.arguments) {
            for (const auto& [name, there] : {std::pair{"user", !user.empty()}, std::pair{"pattern", !pattern.empty()},
                                              std::pair{"crontab-dir", directory.has_value()}}) {
                if (!there) continue;
                return fail(errc::usage,
                            "-n/--nagiosargs and --" + std::string{name} +
                                " exclude each other: the one asks for processes, the other for a crontab" +
                                see_help(words));
            }
            return instead.valid();
        }
        if (instead.plugin) return fail(errc::usage, "--plugin needs -n/--nagiosargs" + see_help(words));
        if (user.empty()) return missing("-u/--user", words);
        if (auto valid = validate_crontab_user(user); !valid) return valid;
        if (pattern.find('\n') == std::string::npos) return {};
        return fail(errc::usage, "-p/--pattern holds a newline, but is looked for within one line" + see_help(words));
    }

    [[nodiscard]] auto subject() const -> check_subject {
        if (instead.arguments) return instead.subject();
        return {.kind = std::string{words.name}, .name = user, .title = user.empty() ? "" : "the crontab of " + user};
    }

    [[nodiscard]] auto details() const -> std::vector<std::pair<std::string, std::string>> {
        if (instead.arguments || pattern.empty()) return {};
        return {{"pattern", pattern}};
    }

    [[nodiscard]] auto look(auto& here, const circumstances& now) const -> sighting {
        if (instead.arguments) return instead.look(here, now);
        crontab_options how{.user = user, .pattern = pattern};
        if (directory) how.directory = *directory;
        return crontab_probe{how, here.files, here.users}();
    }
};

}  // namespace powerconsul::inline v0::checks
