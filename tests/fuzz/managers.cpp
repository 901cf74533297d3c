// covers: probes/service/service.hpp probes/service/sysv.hpp probes/service/openrc.hpp probes/service/systemd.hpp
// probes/plugin.hpp probes/process/listing.hpp probes/service/service_manager.hpp probes/service/status_text.hpp
#include <powerconsul/probes/service/service.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/probes/plugin.hpp>
#include <powerconsul/testing/fakes.hpp>
#include <powerconsul/testing/memory_files.hpp>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

/// Ends every command in the same way.
struct same_end {
    outcome end{};
    [[nodiscard]] auto run(const command& what) -> result<outcome> {
        fuzz::expect(!what.argv.empty() && what.argv.front().starts_with('/'), "no absolute path");
        return end;
    }
};

void expect_honest(const observed& seen, const outcome& end, std::string_view who) {
    fuzz::expect(!seen.reason.empty() && fuzz::is_one_line(seen.reason) && is_utf8(seen.reason), "no reason", who,
                 seen.reason);
    fuzz::expect(end.how == ending::exited || seen.state == observation::unknown, "known from what did not end", who);
}

/// Choices; the service; what the command prints, what it complains of, and the init script.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    fuzz::choices pick{script.next()};
    const std::string name{script.next()};
    outcome end;
    end.how = ending{static_cast<unsigned char>(pick.of(8) < 6 ? 0 : pick.of(3))};
    end.status = static_cast<int>(pick.of(128));
    end.out = script.next();
    end.err = script.next();
    const std::string_view text = script.rest();

    const observed init = interpret_init_script(end, read_init_script(text), {name});
    expect_honest(init, end, "init script");
    fuzz::expect(init.state != observation::running || end.status == 0, "runs, and does not say 0", end.out);
    const auto words = read_status_words(end.out + '\n' + end.err, {name});
    fuzz::expect(!words.usage || init.state == observation::unknown, "known from its usage", end.out, end.err);

    const observed openrc = interpret_rc_service(end, {.exits_early = false});
    expect_honest(openrc, end, "rc-service");
    const bool may_run = end.status == 0 || end.status == 4 || end.status == 8;
    fuzz::expect(openrc.state != observation::running || may_run, "runs, and does not say so", end.out);

    if (const auto unit = read_unit_state(end)) {
        const milliseconds now{static_cast<std::int64_t>(pick.of(2000)) * 1000};
        const observed seen = interpret_unit(*unit, name, now, unit_processes{static_cast<unsigned char>(pick.of(3))});
        expect_honest(seen, end, "systemd");
        fuzz::expect(end.out.find("ActiveState=" + unit->active) != std::string::npos, "another state", end.out);
        const bool active = unit->active == "active" || unit->active == "reloading" || unit->active == "activating" ||
                            unit->active == "deactivating";
        fuzz::expect(seen.state != observation::running || active, "runs, and is not active", end.out);
        const auto behind = script_behind(*unit, "/etc/init.d");
        fuzz::expect(behind.find('/') == std::string_view::npos, "a path for a name", behind);
        const observed all = interpret_members(name, "instances", {{unit->id, seen.state}});
        expect_honest(all, end, "instances");
        fuzz::expect(all.state == seen.state, "one instance, and another state", unit->id);
    } else {
        fuzz::expect(!unit.error().message.empty(), "no reason", end.out);
    }

    if (const auto units = read_unit_states(end)) {
        for (const auto& each : *units) fuzz::expect(!each.active.empty(), "a unit without a state", end.out);
    } else {
        fuzz::expect(!units.error().message.empty(), "no reason", end.out);
    }

    for (const auto expects : {expectation::unknown, expectation::stopped, expectation::running}) {
        const observed seen = interpret_plugin(name, end, expects);
        expect_honest(seen, end, "plugin");
        const bool says = end.out.find_first_not_of(" \t\r\n") != std::string::npos;
        fuzz::expect(seen.state != observation::running || (end.status == 0 && says), "runs without a word", end.out);
        // None where none may run is as wanted, whatever the status says of that.
        const bool may_be_none = end.status == 2 || (expects == expectation::stopped && end.status < 2);
        fuzz::expect(seen.state != observation::stopped || (may_be_none && says), "stopped without a word", end.out);
    }
    if (const auto listing = parse_listing(end.out)) {
        for (const auto& each : listing->processes) {
            fuzz::expect(each.ps_line.ends_with(each.command), "another command line", each.ps_line);
            fuzz::expect(each.ps_line.find('\n') == std::string::npos, "a process of two lines", each.ps_line);
        }
    }

    testing::memory_files files;
    files.put("/usr/bin/systemctl", "", {.kind = file_kind::regular, .mode = 0755});
    files.put("/sbin/rc-service", "", {.kind = file_kind::regular, .mode = 0755});
    if (name.find('\0') == std::string::npos)
        files.put("/etc/init.d/" + name, text, {.kind = file_kind::regular, .mode = 0755});
    same_end executor{end};
    testing::manual_clock clock;
    for (const auto manager : service_managers) {
        service_probe probe{{.name = name, .manager = manager}, executor, files, clock};
        const observed seen = probe();
        fuzz::expect(!seen.reason.empty(), "no reason", name);
        const bool sound = validate_local_service(name).has_value();
        fuzz::expect(sound || seen.state == observation::unknown, "known, and no name", name);
        fuzz::expect(end.how == ending::exited || seen.state == observation::unknown, "known from no end", name);
    }
    const std::string mangled = mangled_unit_name(unit_name(name));
    for (const char c : mangled) fuzz::expect(c > ' ' && c < 0x7F && c != '/', "no name of a unit", mangled);
}

const fuzz::enlisted here{"managers", run};

}  // namespace
