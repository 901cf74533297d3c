#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/crontab/account.hpp>
#include <powerconsul/probes/crontab/text.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

/// Whether a user's name can also be the name of a crontab. Fails with errc::usage if it cannot, or if cron never reads
/// a file of that name.
[[nodiscard]] inline auto validate_crontab_user(std::string_view name) -> result<void> {
    const auto refuse = [&](std::string_view why) -> result<void> {
        return fail(errc::usage, quoted(name) + ' ' + std::string{why} + ": the name of a user is expected");
    };
    if (name.empty()) return refuse("is empty");
    if (name.size() > 255) return refuse("is longer than the 255 bytes of a file name");
    if (algo::any_of(name, ascii::is_control)) return refuse("holds a control character");
    if (name == "." || name == ".." || name.find('/') != std::string_view::npos) return refuse("is a path");
    if (name.front() == '-') return refuse("starts with - as an option does");
    if (name.front() == '.') return refuse("starts with a dot, and cron reads no such file");
    return {};
}

/// What the text of a crontab holds.
struct crontab_text {
    bool settings{};                ///< has a line such as MAILTO=root
    bool jobs{};                    ///< has a job that can run, or a line that another cron may take for one
    bool idle{};                    ///< has a job without a command, or with a time that never comes
    bool pattern{};                 ///< a setting or such a job contains the pattern; false if the pattern is empty
    std::string fault{};            ///< why Debian's cron ignores the whole file; empty if it does not
    std::set<std::string> users{};  ///< whom a system crontab names
};

/// `text` may be any bytes. `pattern` is searched for as plain bytes within one line; case matters. Of a system crontab
/// only the jobs of `user` count, or all if that is empty.
[[nodiscard]] inline auto read_crontab(std::string_view text, std::string_view pattern, bool system = false,
                                       std::string_view user = {}) -> crontab_text {
    crontab_text found;
    crontab_reader lines{text, system};
    for (crontab_line line; lines.next(line);) {
        if (found.fault.empty() && !line.fault.empty()) {
            found.fault = "line " + std::to_string(line.number) + ": " + std::string{line.fault};
        }
        const bool job = !line.setting && (line.comes || (!line.fault.empty() && !trimmed(line.text).empty()));
        if (system && !line.setting) {
            if (line.fault.empty()) found.users.emplace(line.user);
            if (!user.empty() && line.user != user) continue;
        }
        found.settings = found.settings || line.setting;
        found.jobs = found.jobs || job;
        found.idle = found.idle || (!line.setting && !job && line.fault.empty());
        found.pattern = found.pattern || ((line.setting || job) && !pattern.empty() &&
                                          line.text.find(pattern) != std::string_view::npos);
    }
    if (!found.fault.empty()) return found;
    if (!text.empty() && !text.ends_with('\n') && found.jobs) found.fault = "there is no newline at its end";
    if (algo::count(text, '\n') > static_cast<std::ptrdiff_t>(crontab_reader::most_lines)) {
        found.fault = "it has more than " + std::to_string(crontab_reader::most_lines) + " lines";
    }
    return found;
}

struct crontab_options {
    std::string user{};     ///< must pass validate_crontab_user()
    std::string pattern{};  ///< a line must contain it; if empty, any job will do
    std::string directory{"/var/spool/cron/crontabs"};
    std::string group{"crontab"};
    milliseconds now{};  ///< since 1970-01-01 UTC, for the expiry of the account, which is not looked at if 0
};

/// Checks whether a user's crontab is in place: owned by that user, with a job that cron reads. Whether cron itself
/// runs is for service_probe to say. Models `probe`. Files and Accounts may be references. Needs root on most machines.
///
/// Debian's cron 3.0pl1-162, as seen in tests/integration/cron, obeys a file owned by root or by the user, of any
/// group, and ignores one of any other owner. It also ignores a file whose mode is not 0600, that has a second hard
/// link or that does not end in a newline; other crons accept those, so they count as degraded and never as stopped.
template <file_source Files, account_source Accounts>
class crontab_probe {
public:
    static constexpr std::size_t largest = std::size_t{1024} * 1024;  ///< bytes

    crontab_probe(crontab_options options, Files files, Accounts accounts)
        : options_{std::move(options)},
          files_{std::forward<Files>(files)},
          accounts_{std::forward<Accounts>(accounts)} {}

    [[nodiscard]] auto operator()() -> observed {
        if (auto valid = validate_crontab_user(options_.user); !valid) return give_up(valid.error());
        const auto owner = accounts_.user_id(options_.user);
        if (!owner) return give_up(owner.error());
        // A user without an account never has a crontab: a misspelt name would let a standby pass for ever.
        if (!*owner) return unknown("there is no user " + quoted(options_.user) + " on this machine");

        const std::string path = options_.directory + '/' + options_.user;
        const auto seen = files_.status(path);
        if (!seen) return cannot_look(seen.error());
        if (!*seen) return absent(path, **owner);
        if ((*seen)->kind != file_kind::regular) return unknown(path + " is no regular file, and cron reads no other");
        const auto text = files_.read(path, largest);
        if (!text) return cannot_look(text.error());
        if (!*text) return absent(path, **owner);
        // Looked at last: if crontab(1) installs a new file meanwhile, the directory is newer than the file seen here.
        const auto directory = look_at_directory();
        if (!directory) return cannot_look(directory.error());
        return judge_file(path, **seen, **owner, read_crontab(**text, options_.pattern), directory->modified);
    }

private:
    [[nodiscard]] static auto unknown(std::string why) -> observed { return {observation::unknown, std::move(why)}; }
    [[nodiscard]] static auto give_up(const error& why) -> observed { return unknown(why.message); }
    [[nodiscard]] auto cannot_look(const error& why) -> observed {
        return unknown(why.message + (files_.user() == 0 ? "" : " (crontabs can be read by root only)"));
    }

    /// Cron looks at the directory's modification time once a minute and rereads no file while that is unchanged: it
    /// may not know of a file that changed in a later minute than the directory.
    [[nodiscard]] static constexpr auto later(std::int64_t changed, std::int64_t directory) -> bool {
        return changed / 60 > directory / 60;
    }

    [[nodiscard]] auto look_at_directory() -> result<file_status> {
        auto seen = files_.status(options_.directory);
        if (seen && *seen && (*seen)->kind == file_kind::symlink) seen = files_.status(options_.directory + "/.");
        if (!seen) return unexpected{std::move(seen).error()};
        if (*seen && (*seen)->kind == file_kind::directory) return **seen;
        return fail(errc::io, "there is no directory " + quoted(options_.directory) + ", where crontabs are expected");
    }

    [[nodiscard]] auto absent(const std::string& path, std::uint32_t owner) -> observed {
        // Cron may keep its crontabs elsewhere, or a file system may not be mounted.
        if (const auto directory = look_at_directory(); !directory) return cannot_look(directory.error());
        // A directory service that ignores case finds bob when asked for BOB, but the crontab is named bob.
        const auto name = accounts_.user_name(owner);
        if (!name) return give_up(name.error());
        if (*name && **name != options_.user) {
            return unknown("there is no crontab " + path + ", but user " + quoted(options_.user) + " is also called " +
                           quoted(**name) + ": give the name that the crontab has");
        }
        return {observation::stopped, "there is no crontab " + path};
    }

    [[nodiscard]] auto judge_file(const std::string& path, const file_status& file, std::uint32_t owner,
                                  const crontab_text& text, std::int64_t directory_time) -> observed {
        std::vector<std::string> faults;  // those that mean `stopped` come first
        if (file.uid != owner && file.uid != 0) faults.push_back(owned_by(file) + ", and cron ignores it");
        if (!text.jobs) {
            faults.emplace_back(text.idle       ? "no job of it has both a command and a time that comes"
                                : text.settings ? "it holds settings but no job"
                                                : "it holds nothing but comments");
        }
        if (text.jobs && !options_.pattern.empty() && !text.pattern) {
            faults.push_back("no line of it contains " + quoted(options_.pattern));
        }
        const bool stopped = !faults.empty();

        const auto group = accounts_.group_id(options_.group);
        if (!group) faults.push_back(group.error().message);
        const bool wrong_group = group && *group != std::optional{file.gid};
        if ((file.uid == 0 && owner != 0) || (file.uid == owner && wrong_group)) faults.push_back(owned_by(file));
        if (file.mode != 0600) faults.push_back(ignored("its mode is " + octal_mode(file.mode) + ", expected 0600"));
        if (file.links != 1) faults.push_back(ignored("it has more than one name"));
        if (!text.fault.empty()) faults.push_back(ignored(text.fault));
        bool sure = group.has_value();
        if (options_.now.count > 0) {
            auto refused = refused_account(files_, options_.user, options_.now);
            sure = sure && refused;
            if (!refused || !refused->empty())
                faults.push_back(refused ? std::move(*refused) : refused.error().message);
        }
        // For `stopped`, a change of the owner alone counts too. Otherwise not: many tools touch the change time.
        const bool newest_change = stopped && file.changed > file.modified;
        const bool stale = later(newest_change ? file.changed : file.modified, directory_time);
        if (stale) {
            faults.push_back("it was changed later than " + options_.directory +
                             ": cron may still obey what it read before (touch the directory)");
        }
        if (faults.empty()) {
            return {
                observation::running,
                path + " is in place" + (options_.pattern.empty() ? "" : " and contains " + quoted(options_.pattern))};
        }
        std::string reason = path;
        for (std::size_t i = 0; i < faults.size(); ++i) reason += (i == 0 ? ": " : "; ") + faults[i];
        if (stopped) return {stale ? observation::unknown : observation::stopped, std::move(reason)};
        return {sure ? observation::degraded : observation::unknown, std::move(reason)};
    }

    [[nodiscard]] auto owned_by(const file_status& file) -> std::string {
        const auto user = accounts_.user_name(file.uid);
        const auto group = accounts_.group_name(file.gid);
        return "it is owned by " + (user && *user ? **user : std::to_string(file.uid)) + ':' +
               (group && *group ? **group : std::to_string(file.gid)) + ", expected " + options_.user + ':' +
               options_.group;
    }

    [[nodiscard]] static auto ignored(std::string fault) -> std::string {
        return std::move(fault) + ", and Debian's cron ignores such a file";
    }

    crontab_options options_;
    Files files_;
    Accounts accounts_;
};

/// Lvalues are held by reference: the probe is usually shorter-lived than the policies.
template <file_source Files, account_source Accounts>
crontab_probe(crontab_options, Files&, Accounts&) -> crontab_probe<Files&, Accounts&>;

}  // namespace powerconsul::inline v0
