// covers: probes/crontab/account.hpp probes/crontab/crontab.hpp probes/crontab/text.hpp
#include <powerconsul/probes/crontab/crontab.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/testing/fakes.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

constexpr const char* directory = "/var/spool/cron/crontabs";

/// Whether a line that is no comment holds the pattern, and whether any line may be a job.
struct seen_lines {
    bool job{};
    bool pattern{};
};

[[nodiscard]] auto look(std::string_view text, std::string_view pattern) -> seen_lines {
    seen_lines found;
    std::string line;
    const auto end_line = [&] {
        const auto first = line.find_first_not_of(" \t");
        if (first != std::string::npos && line[first] != '#') {
            found.job = true;
            found.pattern = found.pattern || (!pattern.empty() && line.find(pattern) != std::string::npos);
        }
        line.clear();
    };
    for (const char c : text) {
        if (c == '\n') {
            end_line();
        } else {
            line += c;
        }
    }
    end_line();
    return found;
}

/// Choices; the user; the pattern; and his crontab.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::choices pick{script.next()};
    const std::string user{script.next()};
    const std::string pattern{script.next()};
    const std::string_view text = script.rest();
    const auto read = read_crontab(text, pattern);
    const auto lines = look(text, pattern);
    fuzz::expect(!read.jobs || lines.job, "a job out of nothing but comments", text);
    fuzz::expect(!read.pattern || lines.pattern, "a pattern that is in no line", text, pattern);
    fuzz::expect(!lines.job || read.jobs || read.settings || read.idle || !read.fault.empty(), "a line is lost", text);

    testing::memory_files files;
    testing::memory_accounts accounts;
    files.user_id = 0;
    accounts.add_user("root", 0).add_group("root", 0);
    const bool is_user = pick.of(4) != 3;
    if (is_user && !user.empty() && user != "root") accounts.add_user(user, 1001);
    const bool has_group = pick.of(8) != 7;
    if (has_group) accounts.add_group("crontab", 105);
    constexpr std::uint32_t owners[] = {1001, 0, 1002};
    constexpr std::uint32_t groups[] = {105, 0, 1001};
    constexpr std::uint32_t modes[] = {0600, 0644, 0400, 06600};
    constexpr std::int64_t times[] = {1000, 1060, 900, 5000};
    constexpr file_kind kinds[] = {file_kind::regular, file_kind::symlink, file_kind::directory, file_kind::other};
    file_status status{.kind = kinds[pick.of(4)], .mode = modes[pick.of(4)], .uid = owners[pick.of(3)]};
    status.gid = groups[pick.of(3)];
    status.modified = times[pick.of(4)];
    status.changed = times[pick.of(4)];
    status.links = 1 + pick.of(2);
    const bool has_directory = pick.of(8) != 7;
    if (has_directory) files.put(directory, "", {file_kind::directory, 01730, 0, 105, 0, times[pick.of(4)]});
    const std::string path = std::string{directory} + '/' + user;
    const bool has_file = has_directory && pick.of(8) != 7 && !user.empty();
    if (has_file) files.put(path, text, status);
    if (pick.of(8) == 7) files.fail_on(path, {errc::io, "an error"});

    crontab_probe probe{crontab_options{.user = user, .pattern = pattern}, files, accounts};
    const observed seen = probe();
    fuzz::expect(!seen.reason.empty(), "no reason", user);
    if (seen.state == observation::running) {
        const std::uint32_t owner = user == "root" ? 0 : 1001;
        fuzz::expect(has_file && is_user && status.kind == file_kind::regular, "runs without a file", seen.reason);
        fuzz::expect(status.uid == owner && status.gid == 105 && has_group, "another's file", seen.reason);
        fuzz::expect(status.mode == 0600 && status.links == 1 && text.ends_with('\n'), "ignored", seen.reason);
        fuzz::expect(lines.job && (pattern.empty() || lines.pattern), "runs without a job", seen.reason, text);
    }
    if (seen.state == observation::stopped && has_file) {
        fuzz::expect(status.kind == file_kind::regular, "stopped, and no file", seen.reason);
    }
    fuzz::expect(seen.state == observation::unknown || validate_crontab_user(user), "no user at all", user);
}

const fuzz::enlisted here{"crontab", run};

}  // namespace
