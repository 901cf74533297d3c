// covers: probes/process/process.hpp probes/process/process_table.hpp probes/process/expected_work.hpp
// probes/process/hidepid.hpp probes/process/invocation.hpp probes/process/observers.hpp core/proc_stat.hpp
#include <powerconsul/probes/process/process.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/probes/process/expected_work.hpp>
#include <powerconsul/testing/fakes.hpp>

#include "../probes/made_up_proc.hpp"
#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// What the kernel would have written, read again, is the same process.
void status(std::string_view text) {
    const auto read = parse_process(text);
    if (!read) {
        fuzz::expect(read.error().code == errc::bad_data && fuzz::is_one_line(read.error().message), "no reason",
                     read.error().message);
        return;
    }
    made_up_proc::entry of{.pid = read->pid, .parent = read->parent, .name = read->name};
    of.state = read->state;
    of.start = read->start;
    of.threads = read->ended ? 1 : 2;
    of.kernel = read->kernel;
    const auto again = parse_process(made_up_proc::status(of));
    fuzz::expect(again && again->pid == read->pid && again->parent == read->parent && again->start == read->start &&
                     again->name == read->name && again->state == read->state && again->kernel == read->kernel &&
                     again->ended == read->ended,
                 "another process", text);
    const auto line = command_line(*read, std::string{text});
    fuzz::expect(line.find_first_of(std::string_view{"\0\n", 2}) == std::string::npos, "no line", line);
}

/// Choices; a name to look for, an expression, a list of mounts; and of each further process its status, its short name
/// and its arguments, with a blank for each NUL.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::choices pick{script.next()};
    const std::string name{script.next()};
    const std::string expression{script.next()};
    const std::string_view mounts = script.next();
    made_up_proc proc;
    proc.files.user_id = pick.yes() ? 1000 : 0;
    if (!mounts.empty()) proc.files.put("/proc/self/mountinfo", mounts);
    const bool hidden = proc.files.user_id != 0 && is_mounted_hiding(mounts, "/proc");
    std::string everything;
    for (std::uint32_t pid = 300; script.more() && pid < 308; ++pid) {
        const std::string folder = "/proc/" + std::to_string(pid);
        const std::string_view stat = script.next();
        status(stat);
        const std::string comm{script.next()};
        std::string arguments{script.next()};
        for (char& c : arguments) c = c == ' ' ? '\0' : c;
        everything += std::string{stat} + '\n' + comm + '\n' + arguments + '\n';
        const std::uint32_t user = pick.of(3) * 33;
        proc.files.put(folder, "", {file_kind::directory, 0555, user, user, 0, 0});
        proc.files.put(folder + "/stat", stat);
        if (pick.of(8) != 7) proc.files.put(folder + "/comm", comm + '\n');
        if (pick.of(8) != 7) proc.files.put(folder + "/cmdline", arguments);
        if (pick.of(16) == 15) proc.files.fail_on(folder + "/cmdline", {errc::denied, "denied"});
    }
    process_filter filter{.name = name, .cmdline = expression};
    if (pick.of(4) == 3) filter.user = pick.of(3) * 33;
    count_range range{.min = 1 + pick.of(3)};
    if (pick.yes()) range.max = range.min + pick.of(3);
    process_probe look{filter, range, proc.files, "/proc"};
    const observed seen = look();
    fuzz::expect(!seen.reason.empty(), "no reason", name);
    fuzz::expect(!hidden || seen.state == observation::unknown, "known, and processes are hidden", seen.reason);
    if (seen.state == observation::running || seen.state == observation::degraded) {
        const std::string start = name.substr(0, 15);
        const bool there = everything.find(start) != std::string::npos ||
                           std::string_view{"system agent"}.find(start) != std::string_view::npos;
        fuzz::expect(there, "runs under a name that no process has", name, everything);
        fuzz::expect(bool{validate(filter)}, "found by no filter", name);
    }
    if (seen.state == observation::stopped && filter.cmdline.empty() && !filter.user && name.size() < 16) {
        for (std::uint32_t pid = 300; pid < 308; ++pid) {
            const auto text = proc.files.get("/proc/" + std::to_string(pid) + "/stat");
            const auto comm = proc.files.get("/proc/" + std::to_string(pid) + "/comm");
            const auto read = text ? parse_process(*text) : result<process>{process{}};
            const bool mine = read && text && comm == name + '\n' && read->name == name && read->pid == pid &&
                              read->parent == 1 && name != "powerconsul" && name != "self";
            // Without a command line it has ended, and with that of a check it does not count.
            const auto arguments = proc.files.get("/proc/" + std::to_string(pid) + "/cmdline");
            const bool counts = mine && arguments && !find_invocations(command_line(*read, *arguments), "self").check;
            fuzz::expect(!counts, "stopped, and it is there", name, text.value_or(""));
        }
    }
    testing::memory_accounts accounts;
    accounts.add_user("www-data", 33);
    const work_filter wanted{name, expression};
    const auto work = find_work(proc.files, accounts, wanted, "/proc");
    const auto shown = format_ps_line({.pid = 300, .state = 'S'}, name, expression, pick.of(9));
    fuzz::expect(shown.text.substr(shown.command) == expression && shown.text.substr(shown.pid, 4) == "300 ",
                 "a line whose columns are elsewhere", shown.text);
    if (work && *work) fuzz::expect(fuzz::is_one_line((*work)->command), "no line", (*work)->command);
    counting_work count{[] {
                            return observed{observation::stopped, "the manager says so"};
                        },
                        wanted, proc.files, accounts, "/proc"};
    const observed counted = count();
    const auto expected = !work ? observation::unknown : *work ? observation::running : observation::stopped;
    fuzz::expect(counted.state == expected, "work counts otherwise", counted.reason);
    const auto calls = find_invocations(everything, name);
    fuzz::expect(calls.any || !calls.check, "a check that is no call", everything);
    fuzz::expect(!calls.first_check || calls.check, "the first check is none", everything);
    if (const auto count_of = parse_count(name)) {
        fuzz::expect(count_of->min >= 1 && (!count_of->max || *count_of->max >= count_of->min), "no range", name);
    }
}

const fuzz::enlisted here{"processes", run};

}  // namespace
