#include <powerconsul/probes/process/hidepid.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

namespace {

const std::string other = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n";

auto proc(const std::string& options, const std::string& at = "/proc") -> std::string {
    return "22 27 0:21 / " + at + " rw,nosuid,relatime shared:5 - proc proc " + options + '\n';
}

}  // namespace

TEST_CASE("a list of mounts tells whether processes are hidden") {
    struct row {
        std::string_view name;
        std::string mounts;
        bool hides;
    };
    const row rows[] = {
        {"empty", "", false},
        {"no proc", other, false},
        {"plain", other + proc("rw"), false},
        {"off as a number", proc("rw,hidepid=0"), false},
        {"off as a word", proc("rw,hidepid=off"), false},
        {"1", proc("rw,hidepid=1"), true},
        {"2", proc("rw,hidepid=2"), true},
        {"4", proc("rw,hidepid=4"), true},
        {"noaccess", proc("rw,hidepid=noaccess"), true},
        {"invisible", other + proc("rw,hidepid=invisible") + other, true},
        {"ptraceable", proc("rw,hidepid=ptraceable,subset=pid"), true},
        {"open to a group, named first", proc("rw,gid=4,hidepid=invisible"), false},
        {"open to a group, named last", proc("rw,hidepid=invisible,gid=4"), false},
        {"an option that ends like it", proc("rw,nohidepid=2"), false},
        {"another place", proc("rw,hidepid=2", "/jail/proc"), false},
        {"below it", proc("rw,hidepid=2", "/proc/sys"), false},
        {"covered", proc("rw,hidepid=2") + proc("rw"), false},
        {"covers", proc("rw") + proc("rw,hidepid=2"), true},
        {"covered by something else", proc("rw,hidepid=2") + "9 22 0:9 / /proc rw - tmpfs none rw\n", false},
        {"another kind of file system", "9 1 0:9 / /proc rw - fuse.x x rw,hidepid=2\n", false},
        {"options of the mount only", "9 1 0:9 / /proc rw,hidepid=2 - proc proc rw\n", false},
        {"no optional fields", "9 1 0:9 / /proc rw - proc proc rw,hidepid=2\n", true},
        {"several optional fields", "9 1 0:9 / /proc rw shared:1 master:2 - proc proc rw,hidepid=2\n", true},
        {"no source", "9 1 0:9 / /proc rw - proc  rw,hidepid=2\n", true},
        {"no end of line", "9 1 0:9 / /proc rw - proc proc rw,hidepid=2", true},
        {"cut off before its kind", "9 1 0:9 / /proc rw", false},
        {"cut off before its place", "9 1 0:9", false},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(is_mounted_hiding(each.mounts, "/proc") == each.hides);
    }
}

TEST_CASE("root sees all, and a list that cannot be read says nothing") {
    testing::memory_files files;
    CHECK_FALSE(hides_processes(files, "/proc"));
    files.put("/proc/self/mountinfo", proc("rw,hidepid=2"));
    CHECK(hides_processes(files, "/proc"));
    CHECK_FALSE(hides_processes(files, "/elsewhere"));
    files.user_id = 0;
    CHECK_FALSE(hides_processes(files, "/proc"));
    files.user_id = 1000;
    files.fail_on("/proc/self/mountinfo", {errc::io, "no right"});
    CHECK_FALSE(hides_processes(files, "/proc"));
    files.heal("/proc/self/mountinfo");
    std::string many = proc("rw,hidepid=2");
    many.append((std::size_t{1} << 20U) - many.size(), '\n');
    files.put("/proc/self/mountinfo", many);
    CHECK(hides_processes(files, "/proc"));
    files.put("/proc/self/mountinfo", many + '\n');
    CHECK_FALSE(hides_processes(files, "/proc"));
}
