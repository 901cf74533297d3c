#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/trust.hpp>
#include <powerconsul/probes/crontab/account.hpp>
#include <powerconsul/probes/crontab/crontab.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

struct system_crontab_options {
    std::string user{};     ///< whose jobs count; if empty, everybody's
    std::string pattern{};  ///< a line must contain it; if empty, any job will do
    std::string file{"/etc/crontab"};
    std::string directory{"/etc/cron.d"};
    milliseconds now{};  ///< since 1970-01-01 UTC, for the expiry of the account, which is not looked at if 0
};

/// Checks whether a job is in place in the system's crontabs, which have a user in front of each command. Models
/// `probe`. Files and Accounts may be references.
///
/// Debian's cron 3.0pl1-162, as seen in tests/integration/cron, reads of the directory only names of letters, digits, _
/// and -. It ignores a file that does not belong to root, that others than root may write, that has a second hard link,
/// that it cannot read as a crontab, or that names a user who is not there. A file that it ignores and that holds the
/// job is degraded, since other crons may obey it.
template <directory_source Files, account_source Accounts>
    requires named_file_source<Files>
class system_crontab_probe {
public:
    static constexpr std::size_t largest = std::size_t{1024} * 1024;  ///< bytes of one file
    static constexpr std::size_t most_files = 10'000;

    system_crontab_probe(system_crontab_options options, Files files, Accounts accounts)
        : options_{std::move(options)},
          files_{std::forward<Files>(files)},
          accounts_{std::forward<Accounts>(accounts)} {}

    [[nodiscard]] auto operator()() -> observed {
        auto names = files_.list(options_.directory, most_files);
        if (!names) return give_up(names.error());
        const auto main_file = files_.status(options_.file);
        if (!main_file) return give_up(main_file.error());
        // Cron may keep its crontabs elsewhere, or a file system may not be mounted.
        if (!*names && !*main_file) {
            return {observation::unknown, "there is neither " + options_.file + " nor " + options_.directory};
        }
        std::vector<std::string> paths{options_.file};
        if (*names) {
            algo::sort(**names);
            for (const auto& name : **names) paths.push_back(options_.directory + '/' + name);
        }
        std::string obeyed;
        std::vector<std::string> faults;
        std::string overlooked;
        for (const auto& path : paths) {
            const auto file = look_at(path);
            if (!file) return give_up(file.error());
            if (!file->has_job) continue;
            if (path != options_.file && !is_read(base_name(path))) {
                overlooked = path;
            } else if (!file->fault.empty()) {
                faults.push_back(path + ": " + file->fault);
            } else if (obeyed.empty()) {
                obeyed = path;
            }
        }
        if (obeyed.empty() && faults.empty()) {
            const std::string where = "no job in " + options_.file + " and " + options_.directory + described();
            return {observation::stopped,
                    overlooked.empty() ? where
                                       : where + "; " + overlooked + " does, and cron reads no file of such a name"};
        }
        if (options_.now.count > 0 && !options_.user.empty()) {
            auto refused = refused_account(files_, options_.user, options_.now);
            if (!refused) return give_up(refused.error());
            if (!refused->empty()) faults.push_back(std::move(*refused));
        }
        if (faults.empty()) return {observation::running, "a job in " + obeyed + described()};
        std::string reason = faults.front();
        for (std::size_t i = 1; i < faults.size(); ++i) reason += "; " + faults[i];
        return {observation::degraded, std::move(reason)};
    }

private:
    struct seen_file {
        bool has_job{};
        std::string fault{};  ///< why cron ignores it; empty if it obeys it
    };

    [[nodiscard]] static auto give_up(const error& why) -> observed { return {observation::unknown, why.message}; }

    /// What the job is to be like, as the end of a sentence.
    [[nodiscard]] auto described() const -> std::string {
        return (options_.user.empty() ? "" : " is user " + quoted(options_.user) + "'s") +
               std::string{options_.user.empty() || options_.pattern.empty() ? "" : " and"} +
               (options_.pattern.empty() ? "" : " contains " + quoted(options_.pattern));
    }

    [[nodiscard]] static auto is_read(std::string_view name) -> bool {
        return algo::all_of(name, [](char c) { return ascii::is_alphanumeric(c) || c == '_' || c == '-'; });
    }

    [[nodiscard]] auto look_at(const std::string& path) -> result<seen_file> {
        const auto named = files_.status(path);
        if (!named) return unexpected{named.error()};
        if (!*named || ((*named)->kind != file_kind::regular && (*named)->kind != file_kind::symlink)) {
            return seen_file{};
        }
        const auto file = files_.read_named(path, largest);
        if (!file) return unexpected{file.error()};
        if (!*file) return seen_file{};
        const auto text = read_crontab((*file)->bytes, options_.pattern, true, options_.user);
        seen_file seen{.has_job = text.jobs && (options_.pattern.empty() || text.pattern)};
        if (!seen.has_job) return seen;
        const auto ignored = [&](std::string why) {
            seen.fault = std::move(why) + ", and Debian's cron ignores such a file";
        };
        const auto& status = (*file)->status;
        if (status.uid != 0) {
            ignored("it does not belong to root");
        } else if ((*named)->uid != 0) {
            ignored("the symbolic link does not belong to root");
        } else if ((status.mode & 0022U) != 0) {
            ignored("its mode is " + octal_mode(status.mode) + ", which lets others than root write");
        } else if (status.links != 1) {
            ignored("it has more than one name");
        } else if (!text.fault.empty()) {
            ignored(text.fault);
        }
        if (!seen.fault.empty()) return seen;
        for (const auto& user : text.users) {
            const auto known = accounts_.user_id(user);
            if (!known) return unexpected{known.error()};
            if (!*known) ignored("there is no user " + quoted(user));
        }
        return seen;
    }

    system_crontab_options options_;
    Files files_;
    Accounts accounts_;
};

/// Lvalues are held by reference: the probe is usually shorter-lived than the policies.
template <directory_source Files, account_source Accounts>
system_crontab_probe(system_crontab_options, Files&, Accounts&) -> system_crontab_probe<Files&, Accounts&>;

}  // namespace powerconsul::inline v0
