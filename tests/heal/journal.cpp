#include <powerconsul/heal/journal.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <functional>
#include <list>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/testing/fakes.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;
using testing::memory_files;

namespace {

auto open_incident(std::string_view id, std::int64_t opened = 1'000'000) -> incident {
    incident one;
    one.id = std::string{id};
    one.node = "production-web1";
    one.checks.push_back({.service_id = "web", .check_id = "service:web"});
    one.opened = {opened};
    return one;
}

auto closed_incident(std::string_view id, std::int64_t closed) -> incident {
    incident one = open_incident(id, closed - 1);
    one.closed = {closed};
    return one;
}

auto of(std::string_view service, std::vector<incident> incidents) -> journal {
    return {.service = std::string{service}, .incidents = std::move(incidents)};
}

auto ended(std::string_view id, std::string output, std::int64_t began = 1'000'100) -> attempt {
    attempt one;
    one.incident = std::string{id};
    one.key = "triggers/production/web/primary/critical";
    one.began = {began};
    one.ended = {began + 100};
    one.result = healing::ended;
    one.output = std::move(output);
    return one;
}

auto tried(std::vector<incident> incidents, std::vector<attempt> attempts) -> journal {
    journal made = of("web", std::move(incidents));
    made.attempts = std::move(attempts);
    return made;
}

/// As it stands in its file, which always has the same size.
auto file_of(const journal& from) -> std::string {
    std::string text = json::encode_journal(from);
    text.back() = ' ';
    text.resize(journal_size - 1, ' ');
    return text + '\n';
}

auto ids(const journal& from) -> std::vector<std::string> {
    std::vector<std::string> all;
    for (const auto& one : from.incidents) all.push_back(one.id);
    return all;
}

/// Somebody else opens an incident of the service between a look at it and its lock.
struct files_with_somebody_else : memory_files {
    auto lock(const std::string& path, milliseconds wait) -> result<lock_type> {
        if (const std::string at{"/state/journal/s1.json"}; path == at + ".lock") {
            put(at, json::encode_journal(of("s1", {open_incident("new")})));
        }
        return memory_files::lock(path, wait);
    }
};

/// Files of which one operation fails although the others say that all is well.
struct half_broken_files : memory_files {
    error why{errc::io, "Input/output error"};
    bool reads{true};
    bool replaces{true};
    std::string stays{};     ///< cannot be removed
    std::string unsure{};    ///< its status cannot be told
    std::string vanishes{};  ///< is gone once its status was told
    std::string lost{};      ///< is gone when it is read

    auto status(const std::string& path) -> result<std::optional<file_status>> {
        if (path == unsure) return unexpected{why};
        auto told = memory_files::status(path);
        if (path == vanishes) erase(path);
        return told;
    }
    auto read(const std::string& path, std::size_t limit) -> result<std::optional<std::string>> {
        if (path == lost) return std::optional<std::string>{};
        return reads ? memory_files::read(path, limit) : unexpected{why};
    }
    auto replace(const std::string& path, std::string_view bytes, std::uint32_t mode = 0600,
                 durability how = durability::flushed) -> result<void> {
        return replaces ? memory_files::replace(path, bytes, mode, how) : unexpected{why};
    }
    auto remove(const std::string& path) -> result<void> {
        return path != stays ? memory_files::remove(path) : unexpected{why};
    }
};

using memory_journals = journal_directory<memory_files>;
const std::string folder = "/state/journal";
constexpr std::string_view advice =
    "; nothing is done that no journal would know of: see to /state/journal, or choose another state directory";

/// An own directory of /tmp, gone with the test case.
struct scratch {
    std::string path{"/tmp/powerconsul-journal-XXXXXX"};
    scratch() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    scratch(const scratch&) = delete;
    auto operator=(const scratch&) -> scratch& = delete;
    ~scratch() {
        for (const auto* below : {"/journal", ""}) {
            for (const auto& name : names(path + below)) ::unlink((path + below + '/' + name).c_str());
            ::rmdir((path + below).c_str());
        }
    }
    static auto names(const std::string& directory) -> std::vector<std::string> {
        auto all = posix_files{}.list(directory, 100);
        if (!all) return {};
        auto names = std::move(*all).value_or(std::vector<std::string>{});
        std::sort(names.begin(), names.end());
        return names;
    }
};

}  // namespace

TEST_CASE("each service has its own file, whatever it is called") {
    memory_files files;
    memory_journals journals{files, "/state"};
    const std::vector<std::string> services{
        "", ".", "..", ".web", "a b", "a/../b", "caf\xC3\xA9", "slot-0", "web", "web.json", "web.json.damaged", "~"};
    for (const auto& service : services) {
        CAPTURE(service);
        const auto none = journals.load(service);
        REQUIRE(none);
        CHECK(none->value == of(service, {}));
        CHECK(none->note.empty());
        REQUIRE(journals.lock(service, {}));
        REQUIRE(journals.save(of(service, {open_incident("of " + service)})));
    }
    for (const auto& service : services) {
        CAPTURE(service);
        const auto read = journals.load(service);
        REQUIRE(read);
        CHECK(read->value == of(service, {open_incident("of " + service)}));
        CHECK(read->note.empty());
    }
    CHECK(*journals.services() == services);
    CHECK(files.get(folder + "/web.json") == file_of(of("web", {open_incident("of web")})));
    CHECK(files.get(folder + "/web.json.lock") == "");
    CHECK(files.get(folder + "/a%2F..%2Fb.json"));
    CHECK(files.get(folder + "/%2Eweb.json"));
    CHECK((*files.status(folder))->mode == 0700);

    REQUIRE(journals.remove("web"));
    CHECK_FALSE(files.get(folder + "/web.json"));
    CHECK_FALSE(files.get(folder + "/web.json.lock"));
    CHECK(files.get(folder + "/web.json.json"));
    CHECK(journals.remove("web"));
    CHECK(journals.services()->size() == services.size() - 1);
}

TEST_CASE("what is no journal is not taken for a service") {
    memory_files files;
    memory_journals journals{files, "/state"};
    CHECK(journals.services()->empty());
    REQUIRE(journals.save(of("web", {})));
    for (const auto* name : {"web.json.lock", "web.json.damaged", ".web.json.Ab12Cd", ".x.json", "web.jso",
                             "slot-0.lock", "a%2.json", "a%2g.json", "a%2f.json", "a%2G.json", "a%2-.json", "a%2:.json",
                             "a%g0.json", "a%-0.json", "%61.json", "%.json", "a b.json"}) {
        files.put(folder + '/' + name, "");
    }
    CHECK(*journals.services() == std::vector<std::string>{"web"});
}

TEST_CASE("a service is locked for one at a time") {
    memory_files files;
    memory_journals journals{files, "/state"};
    const auto held = journals.lock("web", {});
    REQUIRE(held);
    CHECK(journals.lock("web", seconds(60)).error() ==
          error{errc::timed_out, "somebody else holds the lock \"/state/journal/web.json.lock\"; try again"});
    CHECK(journals.lock("other", {}));
    // Such files are those of who uses the directory: no service is in their way, whatever it is called.
    const auto place = files.lock(folder + "/slot-0.lock", {});
    CHECK(journals.lock("slot-0", {}));
}

TEST_CASE("a directory that others may change is neither read nor written") {
    struct row {
        std::string_view name;
        file_status status;
        std::string_view refused;  ///< behind `the state directory <path> `; empty: taken
    };
    const row rows[] = {
        {"own, 0700", {file_kind::directory, 0700, 1000, 1000, 0, 0}, ""},
        {"root's, 0755", {file_kind::directory, 0755, 0, 0, 0, 0}, ""},
        {"symbolic link", {file_kind::symlink, 0777, 1000, 1000, 0, 0}, "is a symbolic link; use the real one"},
        {"a file", {file_kind::regular, 0600, 1000, 1000, 0, 0}, "is not a directory"},
        {"another user's",
         {file_kind::directory, 0700, 1001, 0, 0, 0},
         "belongs to another user; chown it to this one"},
        {"the group may write",
         {file_kind::directory, 0720, 1000, 0, 0, 0},
         "can be written by others; chmod it to 0700"},
        {"all may write", {file_kind::directory, 01777, 0, 0, 0, 0}, "can be written by others; chmod it to 0700"},
    };
    for (const std::string untrusted : {"/state", "/state/journal"}) {
        for (const auto& each : rows) {
            CAPTURE(untrusted);
            CAPTURE(each.name);
            memory_files files;
            memory_journals journals{files, "/state"};
            REQUIRE(journals.save(of("web", {open_incident("a")})));
            const auto before = files.get(folder + "/web.json");
            files.put(untrusted, "", each.status);
            const bool taken = each.refused.empty();
            const auto saved = journals.save(of("web", {}));
            CHECK(saved.has_value() == taken);
            CHECK(journals.lock("web", {}).has_value() == taken);
            CHECK(journals.load("web").has_value() == taken);
            CHECK(journals.services().has_value() == taken);
            const auto removed = journals.remove("web");
            CHECK(removed.has_value() == taken);
            if (taken) continue;
            CHECK(removed.error() ==
                  error{errc::denied, "the state directory " + untrusted + ' ' + std::string{each.refused}});
            CHECK(files.get(folder + "/web.json") == before);
            const error refused{errc::denied, "the state directory " + untrusted + ' ' + std::string{each.refused}};
            CHECK(saved.error() == refused);
            CHECK(journals.lock("web", {}).error() == refused);
            CHECK(journals.load("web").error() == refused);
            CHECK(journals.services().error() == refused);
        }
    }
}

TEST_CASE("a file that others may change is not read, and nothing else that stands in its place") {
    struct row {
        std::string_view name;
        file_status status;
        bool taken;
    };
    const std::string text = json::encode_journal(of("web", {}));
    for (const auto& each : {row{"root's", {file_kind::regular, 0600, 0, 0, 0, 0}, true},
                             row{"another user's", {file_kind::regular, 0600, 1001, 0, 0, 0}, false},
                             row{"the group may write", {file_kind::regular, 0620, 1000, 0, 0, 0}, false},
                             row{"all may write", {file_kind::regular, 0602, 1000, 0, 0, 0}, false},
                             row{"a link", {file_kind::symlink, 0777, 1000, 0, 0, 0}, false},
                             row{"a directory", {file_kind::directory, 0700, 1000, 0, 0, 0}, false}}) {
        CAPTURE(each.name);
        memory_files files;
        memory_journals journals{files, "/state"};
        files.put(folder + "/web.json", text, each.status);
        const auto read = journals.load("web");
        REQUIRE(read.has_value() == each.taken);
        if (each.taken) continue;
        CHECK(read.error() == error{errc::denied,
                                    "/state/journal/web.json is no regular file, belongs to another user or can be "
                                    "written by others; delete it"});
    }
}

TEST_CASE("a damaged journal starts empty, says so and is kept aside") {
    struct row {
        std::string_view name;
        std::string text;
        std::string_view says;
    };
    const std::string sound = json::encode_journal(of("web", {open_incident("a")}));
    const row rows[] = {
        {"empty", "", "not valid JSON at line 1, column 1 (byte 0): it is empty; expected one value"},
        {"cut off", sound.substr(0, sound.size() - 2),
         "not valid JSON at line 3, column 54 (byte 282): expected \",\" or \"}\", found the end of the text; it was "
         "cut off"},
        {"a digit changed", std::string{sound}.replace(sound.find("1000000"), 1, "2"), "the journal is damaged"},
        {"something else", "{}", "the journal is damaged"},
        {"another service's", json::encode_journal(of("other", {})), "it is the journal of \"other\""},
        {"too large", sound + std::string(journal_size, ' '), "it is larger than 32768 bytes"},
        {"too large by one", sound + std::string(journal_size + 1 - sound.size(), ' '),
         "it is larger than 32768 bytes"},
        {"as large as can be kept", std::string(1024 * 1024, ' '), "it is larger than 32768 bytes"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        memory_files files;
        memory_journals journals{files, "/state"};
        files.put(folder + "/web.json", each.text);
        for (int i = 0; i < 2; ++i) {
            const auto read = journals.load("web");
            REQUIRE(read);
            CHECK_FALSE(read->note.empty());
            CHECK(read->value == of("web", {}));
            CHECK(read->note == "/state/journal/web.json: " + std::string{each.says} +
                                    "; it starts anew, what was done before is not known; its bytes are in "
                                    "/state/journal/web.json.damaged");
            CHECK(files.get(folder + "/web.json.damaged") == each.text);
            // Until the next save, it is the same for all readers, and none but the first writes.
            CHECK(files.get(folder + "/web.json") == each.text);
        }
        REQUIRE(journals.save(of("web", {open_incident("new")})));
        CHECK(journals.load("web")->note.empty());
        CHECK(files.get(folder + "/web.json.damaged") == each.text);
    }
}

TEST_CASE("what is as large as a journal may be is read, and of two damaged ones the later is kept") {
    half_broken_files files;
    journal_directory<half_broken_files> journals{files, "/state"};
    files.put(folder + "/web.json", std::string(journal_size, ' '));
    CHECK(journals.load("web")->note.find("larger") == std::string::npos);
    for (const std::string_view bytes : {"first", "second"}) {
        files.put(folder + "/web.json", bytes);
        CHECK_FALSE(journals.load("web")->note.empty());
        CHECK(files.get(folder + "/web.json.damaged") == bytes);
    }
    // What is kept already is not written again.
    files.replaces = false;
    CHECK(journals.load("web")->note.ends_with("; its bytes are in /state/journal/web.json.damaged"));
}

TEST_CASE("what cannot be kept aside of a damaged journal does not keep it from starting anew") {
    memory_files files;
    memory_journals journals{files, "/state"};
    files.put(folder + "/web.json", "x");
    files.fail_on(folder + "/web.json.damaged", {errc::io, "disk full"});
    auto read = journals.load("web");
    REQUIRE(read);
    CHECK_FALSE(read->note.empty());
    CHECK(read->note.ends_with("; its bytes could not be kept: disk full"));
    files.put(folder + "/web.json", std::string(1024 * 1024 + 1, 'x'));
    read = journals.load("web");
    REQUIRE(read);
    CHECK_FALSE(read->note.empty());
    CHECK(read->note ==
          "/state/journal/web.json: \"/state/journal/web.json\" is larger than the 1048576 bytes "
          "allowed; it starts anew, what was done before is not known");
}

TEST_CASE("what cannot be told is an error, never an empty journal") {
    memory_files files;
    memory_journals journals{files, "/state"};
    REQUIRE(journals.save(of("web", {open_incident("a")})));
    const error broken{errc::io, "cannot read it: Input/output error"};
    const error advised{errc::io, broken.message + std::string{advice}};
    for (const std::string path : {"/state", "/state/journal", "/state/journal/web.json"}) {
        CAPTURE(path);
        files.fail_on(path, broken);
        CHECK(journals.load("web").error() == broken);
        const auto saved = journals.save(of("web", {}));
        REQUIRE_FALSE(saved);
        CHECK(saved.error().message.starts_with(broken.message));
        files.heal(path);
        CHECK(journals.load("web")->value == of("web", {open_incident("a")}));
    }
    files.fail_on(folder, broken);
    CHECK(journals.services().error().message == broken.message);
    CHECK(journals.lock("web", {}).error() == advised);
    files.heal(folder);
    files.fail_on(folder + "/web.json.lock", broken);
    CHECK(journals.lock("web", {}).error() == advised);
    CHECK(journals.remove("web").error() == broken);
    CHECK(memory_journals{files, "/no/such/parent"}.save(of("web", {})).error().code == errc::io);
    CHECK(memory_journals{files, "/no/such/parent"}.load("web")->value == of("web", {}));
    CHECK(memory_journals{files, "/no/such/parent"}.remove("web"));
}

TEST_CASE("a file that only its status can be told of is an error; one that goes meanwhile is none") {
    half_broken_files files;
    journal_directory<half_broken_files> journals{files, "/state"};
    REQUIRE(journals.save(of("web", {open_incident("a")})));
    files.reads = false;
    CHECK(journals.load("web").error() == files.why);
    files.reads = true;
    files.replaces = false;
    CHECK(journals.save(of("web", {})).error() == error{errc::io, "Input/output error" + std::string{advice}});
    files.why = {errc::denied, "not yours"};
    CHECK(journals.save(of("web", {})).error() == files.why);
    CHECK(journals.load("web")->value == of("web", {open_incident("a")}));
    files.why = {errc::io, "Input/output error"};
    files.unsure = folder + "/web.json";
    CHECK(journals.load("web").error() == files.why);
    CHECK(journals.save(of("web", {})).error() == files.why);
    // Where there is no directory nothing below it is looked at.
    files.unsure = files.stays = "/elsewhere/journal/web.json";
    journal_directory<half_broken_files> elsewhere{files, "/elsewhere"};
    CHECK(elsewhere.load("web"));
    CHECK(elsewhere.remove("web"));
    files.unsure.clear();
    files.vanishes = folder + "/web.json";
    const auto gone = journals.load("web");
    REQUIRE(gone);
    CHECK(gone->value == of("web", {}));
    CHECK(gone->note.empty());
}

TEST_CASE("what could not be read again is not written") {
    memory_files files;
    memory_journals journals{files, "/state"};
    incident too_late = open_incident("a", INT64_MAX);
    for (const auto& bad : {of("web", {open_incident("a"), open_incident("a")}), of("web", {open_incident("")}),
                            of("web", {too_late}), of("w\xFF", {open_incident("a")})}) {
        CHECK(journals.save(bad).error().code == errc::bad_data);
        CHECK(journals.services()->empty());
    }
}

TEST_CASE("of closed incidents only the latest are kept") {
    constexpr std::int64_t day = 24 * 3600 * 1000;
    std::vector<incident> all{open_incident("open, very old", 1)};
    for (int i = 0; i < 20; ++i) all.push_back(closed_incident("c" + std::to_string(i), 30 * day + i));
    SUBCASE("at most 16") {
        const auto kept = bounded_journal(of("web", all));
        CHECK(ids(kept).size() == 17);
        CHECK(ids(kept).front() == "open, very old");
        CHECK(ids(kept)[1] == "c4");
        CHECK(ids(kept).back() == "c19");
        CHECK(kept.dropped == 4);
    }
    SUBCASE("the time of closing counts, not the place") {
        std::reverse(all.begin(), all.end());
        const auto kept = bounded_journal(of("web", all));
        CHECK(ids(kept)[15] == "c4");
        CHECK(ids(kept)[16] == "open, very old");
    }
    SUBCASE("of two that closed at one time the first goes first") {
        for (auto& each : all) {
            if (!each.is_open()) each.closed = {30 * day};
        }
        const auto kept = bounded_journal(of("web", all));
        CHECK(ids(kept).size() == 17);
        CHECK(ids(kept)[1] == "c4");
    }
    SUBCASE("what is too old goes from the first place, too") {
        const incident old = closed_incident("old", 1000);
        all.front().looked = {old.closed.count + 8 * day};
        const auto kept = bounded_journal(of("web", {old, all.front()}));
        CHECK(ids(kept) == std::vector<std::string>{"open, very old"});
        CHECK(kept.dropped == 1);
    }
    SUBCASE("none of more than a week before the newest time") {
        struct row {
            std::string_view name;
            void (*set)(journal&, milliseconds);
        };
        for (const auto& each :
             {row{"well", [](journal&one, milliseconds at) { one.well = at; }},
              row{"opened", [](journal&one, milliseconds at) { one.incidents[0].opened = at; }},
              row{"looked", [](journal&one, milliseconds at) { one.incidents[0].looked = at; }},
              row{"began", [](journal&one, milliseconds at) { one.attempts.push_back({.began = at}); }},
              row{"ended", [](journal&one, milliseconds at) { one.attempts.push_back({.ended = at}); }},
              row{"settled", [](journal&one, milliseconds at) { one.attempts.push_back({.settled = at}); }},
              row{"closed", [](journal&one, milliseconds at) { one.incidents[0].closed = at; }}}) {
            CAPTURE(each.name);
            journal some = of("web", all);
            each.set(some, {37 * day + 18});
            CHECK(ids(bounded_journal(some)) == std::vector<std::string>{"open, very old", "c18", "c19"});
        }
    }
}

TEST_CASE("of attempts the last fifty are kept, with the whole output of the last one") {
    const std::string output = "the first line\n" + std::string(300, 'x') + "\nthe last line";
    std::vector<attempt> all;
    for (int i = 0; i < 60; ++i) all.push_back(ended("a", i < 58 ? output : "short", 1'000'000 + i));
    const auto kept = bounded_journal(tried({open_incident("a")}, all));
    REQUIRE(kept.attempts.size() == most_attempts);
    CHECK(kept.dropped == 10);
    for (std::size_t i = 0; i + 2 < most_attempts; ++i) {
        CHECK(kept.attempts[i].began == milliseconds{1'000'010 + static_cast<std::int64_t>(i)});
        CHECK(kept.attempts[i].output == "the first line\n...\nthe last line");
    }
    CHECK(kept.attempts.back().output == "short");
    all.back().output = output;
    CHECK(bounded_journal(tried({open_incident("a")}, all)).attempts.back().output == output);
    all.back().output = "line\n" + std::string(1024, 'y');
    CHECK(bounded_journal(tried({open_incident("a")}, all)).attempts.back().output == std::string(1024, 'y'));
    CHECK(bounded_journal(kept) == kept);
}

TEST_CASE("attempts that are needed to know whether another may run are kept, whatever their age") {
    std::vector<attempt> all{ended("a", "")};
    all.front().ended = {};  // it runs
    for (int i = 0; i < 60; ++i) all.push_back(ended("a", "", 2'000'000 + i));
    SUBCASE("one that runs") {}
    SUBCASE("the last one that acted, behind those that inform") {
        for (auto& each : all) each.informs = true;
        all[3].informs = false;
    }
    const auto kept = bounded_journal(tried({open_incident("a")}, all));
    CHECK(kept.attempts.size() == most_attempts);
    CHECK(kept.attempts.front() == all.front());
    CHECK(kept.attempts.back() == all.back());
    CHECK(std::ranges::count(kept.attempts, false, &attempt::informs) ==
          (all.back().informs ? 1 : std::ptrdiff_t{most_attempts}));
    if (all.back().informs) CHECK(kept.attempts[1] == all[3]);
}

TEST_CASE("a journal has at most 32 KiB: closed incidents go first, then attempts, then texts get shorter") {
    const std::string long_id(400, 'i');
    std::vector<incident> all;
    for (int i = 0; i < 2; ++i) {
        all.push_back(open_incident("open" + std::to_string(i)));
        all.back().state = i == 0 ? bad_state::critical : bad_state::warning;
        all.back().checks.assign(most_checks, {.service_id = long_id, .check_id = long_id, .bad = true});
        all.back().held = std::string(1000, 'h');
    }
    all.push_back(closed_incident("closed1", 2'000'001));
    all.push_back(closed_incident("closed0", 2'000'000));
    journal from = tried(all, {ended("open0", std::string(190, 'a')), ended("open1", std::string(1000, 'b'))});
    const auto fits = [](const journal& one) { return json::encode_journal(one).size() <= journal_size; };
    SUBCASE("all of it fits") {
        REQUIRE(fits(from));
        CHECK(bounded_journal(from) == from);
    }
    SUBCASE("the incident that closed first goes first") {
        from.incidents[0].held.resize(1000 + journal_size - json::encode_journal(from).size() + 1, 'h');
        const auto kept = bounded_journal(from);
        CHECK(fits(kept));
        CHECK(ids(kept) == std::vector<std::string>{"open0", "open1", "closed1"});
        CHECK(kept.attempts == from.attempts);
        CHECK(kept.dropped == 1);
    }
    SUBCASE("then the other one and the oldest attempt") {
        from.incidents[0].held.resize(1000 + journal_size - json::encode_journal(from).size() + 500, 'h');
        const auto kept = bounded_journal(from);
        CHECK(fits(kept));
        CHECK(ids(kept) == std::vector<std::string>{"open0", "open1"});
        REQUIRE(kept.attempts.size() == 1);
        CHECK(kept.attempts.back() == from.attempts.back());
        CHECK(kept.dropped == 3);
    }
    SUBCASE("then all texts get shorter, the last lines of outputs stay") {
        from.incidents[0].held.resize(8000, 'h');
        from.attempts.back().output = std::string(800, 'x') + "\nthe last line";
        const auto kept = bounded_journal(from);
        CHECK(fits(kept));
        CHECK(kept.attempts.back().output == "the last line");
        for (const auto& one : kept.incidents) {
            CHECK(one.held.size() == 288);
            CHECK(one.held.ends_with("h..."));
            CHECK(one.checks.size() == most_checks);
            CHECK(one.further_checks == 0);
        }
    }
    SUBCASE("then checks are counted only") {
        for (auto& one : from.incidents) {
            for (auto& each : one.checks) each.check_id = std::string(1500, 'i');
        }
        const auto kept = bounded_journal(from);
        CHECK(fits(kept));
        for (const auto& one : kept.incidents) {
            CHECK(one.held.size() == 96);
            CHECK(one.checks.size() == 5);
            CHECK(one.further_checks == most_checks - 5);
        }
        CHECK(kept.attempts.back().output == std::string(64, 'b'));
    }
    SUBCASE("at last none is kept by name, and the attempt without its output") {
        for (auto& one : from.incidents) {
            one.node = std::string(20'000, 'n');
            for (auto& each : one.checks) each.check_id = std::string(40'000, 'i');
        }
        for (int i = 0; i < 10; ++i) from.silent.push_back({std::string(40'000, 's'), {5}});
        from.ledgers = {{.key = std::string(500, 'k'), .attempts = 3, .ended = {77}}};
        const auto kept = bounded_journal(from);
        CHECK(fits(kept));
        for (const auto& one : kept.incidents) {
            CHECK(one.checks.empty());
            CHECK(one.further_checks == most_checks);
            CHECK(one.held.size() == 32);
        }
        CHECK(kept.silent.empty());
        CHECK(kept.ledgers == from.ledgers);
        CHECK(kept.attempts.back().output.empty());
        CHECK(bounded_journal(kept) == kept);
    }
    SUBCASE("control characters count as what is written for them") {
        from.attempts.assign(40, ended("open0", std::string(190, '\x01')));
        const auto kept = bounded_journal(from);
        CHECK(fits(kept));
        CHECK(kept.attempts.size() > 1);
        CHECK(kept.attempts.size() < 40);
        CHECK(kept.dropped == 42 - kept.attempts.size());
    }
}

TEST_CASE("a reason gets shorter in steps and never goes, and what is short enough is left as it is") {
    std::vector<std::size_t> seen;
    for (std::size_t size = 900; size < 3'600; size += size < 1'100 ? 10 : 100) {
        journal from = of("web", {open_incident("a"), open_incident("b")});
        for (auto& one : from.incidents) {
            one.checks.assign(most_checks, {.service_id = std::string(size, 'i'), .check_id = "c"});
            one.held = std::string(1000, 'h');
        }
        from.incidents[1].held = "two\nlines";
        const auto kept = bounded_journal(from);
        CHECK(kept.incidents[1].held == "two\nlines");
        const std::size_t now = kept.incidents[0].held.size();
        if (seen.empty() || seen.back() != now) seen.push_back(now);
    }
    CHECK(seen == std::vector<std::size_t>{1000, 288, 96, 32});
}

TEST_CASE("a journal of 32 KiB fits, one of a byte more does not") {
    journal from = tried({open_incident("a"), closed_incident("b", 5)}, {ended("a", "out")});
    from.incidents[0].held = std::string(journal_size - json::encode_journal(from).size(), 'h');
    from.incidents[0].held.resize(from.incidents[0].held.size() - (json::encode_journal(from).size() - journal_size));
    REQUIRE(json::encode_journal(from).size() == journal_size);
    CHECK(bounded_journal(from) == from);
    from.incidents[0].held += 'h';
    CHECK(ids(bounded_journal(from)) == std::vector<std::string>{"a"});
}

TEST_CASE("property: a journal always fits, and keeps what decides about the next attempt") {
    for (std::uint32_t seed = 1; seed <= 80; ++seed) {
        CAPTURE(seed);
        std::mt19937 random{seed};
        const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
        // Mostly short, at times of any length, and of any bytes where they come from others.
        const auto text = [&](std::uint32_t most) {
            const std::uint32_t size = below(4) != 0 ? below(40) : below(below(3) == 0 ? most : 600);
            constexpr std::string_view pieces[] = {"a", "\n", "\x01", "\xC3\xA9", "\"", "xyz ", "\xFF", "0123456789"};
            std::string made;
            const bool one = below(2) == 0;
            const std::string_view same = pieces[below(8)];
            while (made.size() < size) made += one ? same : pieces[below(8)];
            return made;
        };
        const auto time = [&] { return milliseconds{1 + below(2'000'000'000)}; };
        journal from{.service = "web", .well = time(), .dropped = below(5)};
        for (std::uint32_t i = below(30); i > 0; --i) from.silent.push_back({text(20'000), time()});
        for (std::uint32_t i = 0; i < 30; ++i) {
            if (i > 1 && below(2) == 0) break;
            incident one{.id = std::to_string(i), .node = text(20'000), .opened = time()};
            one.state = i == 0 ? bad_state::critical : bad_state::warning;
            if (i > 1) one.closed = time();
            for (std::uint32_t each = below(most_checks + 1); each > 0; --each) {
                one.checks.push_back({.service_id = text(20'000), .check_id = text(20'000), .changed = time()});
            }
            if (below(2) == 0) one.held = "why: " + text(20'000);
            one.key = std::string(below(600), 'k');
            from.incidents.push_back(one);
        }
        for (std::uint32_t i = below(6); i > 0; --i) {
            from.ledgers.push_back({std::string(below(600), 'k') + std::to_string(i), i, i == 5, {}, time(), i});
        }
        for (std::uint32_t i = below(3) == 0 ? below(120) : below(10); i > 0; --i) {
            attempt one = ended(std::to_string(i), text(5'000), time().count);
            if (i == 30) one.ended = {};
            one.informs = below(4) == 0;
            one.key = std::string(below(600), 'k');
            from.attempts.push_back(one);
        }
        const journal kept = bounded_journal(from);
        const std::string written = json::encode_journal(kept);
        REQUIRE(written.size() <= journal_size);
        const auto read = json::decode_journal(written);
        REQUIRE(read);
        const bool stays = json::encode_journal(bounded_journal(*read)) == written;
        REQUIRE(stays);
        REQUIRE(kept.well == from.well);
        REQUIRE(kept.ledgers == from.ledgers);
        REQUIRE(kept.dropped == from.dropped + from.incidents.size() - kept.incidents.size() + from.attempts.size() -
                                    kept.attempts.size());
        for (const auto& one : from.incidents) {
            const auto found = std::ranges::find(kept.incidents, one.id, &incident::id);
            if (!one.is_open()) continue;
            REQUIRE(found != kept.incidents.end());
            REQUIRE(found->held.empty() == one.held.empty());
            REQUIRE(found->checks.size() + found->further_checks == one.checks.size());
            REQUIRE(found->key == one.key);
        }
        const auto needed = [](const journal& all) {
            std::vector<std::int64_t> times;
            for (const auto& one : all.attempts) {
                if (one.ended.count == 0 || &one == &all.attempts.back()) times.push_back(one.began.count);
            }
            const auto last = std::ranges::find(all.attempts.rbegin(), all.attempts.rend(), false, &attempt::informs);
            if (last != all.attempts.rend()) times.push_back(last->began.count);
            return times;
        };
        REQUIRE(needed(kept) == needed(from));
    }
}

TEST_CASE("what crashes have left behind goes with the next new journal") {
    memory_files files;
    memory_journals journals{files, "/state"};
    constexpr std::int64_t now = 1'000'000'000;  // seconds
    const auto left = [&](const std::string& name, std::int64_t changed) {
        file_status status{file_kind::regular, 0600, 1000, 1000, 0, changed};
        status.changed = changed;
        files.put(folder + '/' + name, "", status);
    };
    for (const auto* name : {".web.json.Ab12Cd", ".%2Eweb.json.damaged.abcdef", ".%2Ex.json.damaged.abcdef",
                             ".reserve.Ab12Cd", "gone.json.lock", "gone.json.waiting", "gone.json.spare",
                             "busy.json.lock", "busy.json.waiting", "busy.json.spare"}) {
        left(name, now - 3601);
    }
    const std::vector<std::string> kept{".new.json.Ab12Cd", "fresh.json.lock", "fresh.json.waiting"};
    for (const auto& name : kept) left(name, now - 3600);
    const std::vector<std::string> others{".web.json.Ab12C",  "web.json.Ab12Cd",  ".hidden",
                                          ".web.Ab12Cd",      "slot-0.lock",      "fresh.json-lock",
                                          ".abcdef",          "known.json.lock",  "a%2.json.lock",
                                          "known.json.spare", ".reserved.Ab12Cd", "gone.json.damaged"};
    for (const auto& name : others) left(name, 0);
    files.put(folder + "/known.json", json::encode_journal(of("known", {})));
    const auto held = journals.lock("busy", {});
    files.fail_on(folder + "/.%2Eweb.json.damaged.abcdef", {errc::io, "cannot"});

    const auto names = [&] { return **files.list(folder, 100); };
    auto before = names();
    REQUIRE(journals.save(of("known", {open_incident("a", now * 1000)})));
    CHECK(files.get(folder + "/reserve")->size() == 3 * journal_size);
    // Nobody waits for the disk to take the reserve, which a power failure may thus empty.
    CHECK(files.flushed == std::vector{folder + "/known.json"});
    files.put(folder + "/reserve", "");
    REQUIRE(journals.save(of("known", {open_incident("a", now * 1000)})));
    CHECK(files.get(folder + "/reserve")->size() == 3 * journal_size);
    before.insert(std::ranges::lower_bound(before, "reserve"), "reserve");
    CHECK(names() == before);
    REQUIRE(journals.save(of("web", {open_incident("a", now * 1000)})));
    auto expected = before;
    std::erase(expected, ".web.json.Ab12Cd");
    std::erase(expected, ".%2Ex.json.damaged.abcdef");
    for (const auto* name : {".reserve.Ab12Cd", "gone.json.lock", "gone.json.waiting", "gone.json.spare"}) {
        std::erase(expected, name);
    }
    expected.push_back("web.json");
    std::sort(expected.begin(), expected.end());
    CHECK(names() == expected);
}

TEST_CASE("there is room for 4096 services, those whose incidents are over make it") {
    memory_files files;
    memory_journals journals{files, "/state"};
    const auto name_of = [](std::size_t i) { return "s" + std::to_string(i); };
    for (std::size_t i = 0; i < most_journals; ++i) {
        files.put(folder + '/' + name_of(i) + ".json", json::encode_journal(of(name_of(i), {open_incident("a")})));
    }
    const auto put = [&](std::string_view service, std::vector<incident> incidents) {
        files.put(folder + '/' + std::string{service} + ".json",
                  json::encode_journal(of(service, std::move(incidents))));
    };
    const error full{errc::failed,
                     "/state/journal holds the journals of 4096 services, and none of them is without an open "
                     "incident; see powerconsul incidents, and delete those of services that are no more"};
    files.put(folder + "/s9.json", "damaged: perhaps one is open");
    CHECK(journals.save(of("new", {open_incident("a")})).error() == full);
    CHECK_FALSE(files.get(folder + "/new.json"));
    CHECK(journals.save(of("s1", {open_incident("b")})));

    put("s5", {closed_incident("b", 500), closed_incident("a", 100)});
    put("s10", {closed_incident("a", 10)});
    files.fail_on(folder + "/s10.json", {errc::io, "cannot read it"});
    put("s6", {closed_incident("a", 400)});
    put("s7", {closed_incident("a", 50), open_incident("b")});
    put("s8", {closed_incident("a", 300)});
    const auto held = journals.lock("s8", {});
    REQUIRE(held);
    const auto gone = [&](std::string_view service) {
        return !files.get(folder + '/' + std::string{service} + ".json");
    };
    REQUIRE(journals.save(of("new", {open_incident("a")})));
    CHECK(gone("s6"));
    CHECK_FALSE(gone("s5"));
    CHECK_FALSE(gone("s8"));
    CHECK_FALSE(files.get(folder + "/s6.json.lock"));
    REQUIRE(journals.save(of("newer", {open_incident("a")})));
    CHECK(gone("s5"));
    CHECK(journals.save(of("newest", {})).error() == full);
    CHECK_FALSE(gone("s7"));
    CHECK_FALSE(gone("s8"));
    CHECK(journals.services()->size() == most_journals);
}

TEST_CASE("a journal that got an open incident meanwhile does not make room") {
    files_with_somebody_else files;
    journal_directory<files_with_somebody_else> journals{files, "/state"};
    for (std::size_t i = 0; i < most_journals; ++i) {
        const std::string service = "s" + std::to_string(i);
        const incident one = i == 1   ? closed_incident("a", 100)
                             : i == 2 ? closed_incident("a", 200)
                                      : open_incident("a");
        files.put(folder + '/' + service + ".json", json::encode_journal(of(service, {one})));
    }
    REQUIRE(journals.save(of("new", {open_incident("a")})));
    CHECK(journals.load("s1")->value == of("s1", {open_incident("new")}));
    CHECK_FALSE(files.get(folder + "/s2.json"));
}

TEST_CASE("a journal that cannot be removed is said to be so, and makes no room") {
    half_broken_files files;
    journal_directory<half_broken_files> journals{files, "/state"};
    for (std::size_t i = 0; i < most_journals; ++i) {
        const std::string service = "s" + std::to_string(i);
        files.put(folder + '/' + service + ".json",
                  json::encode_journal(of(service, {i == 3 ? closed_incident("a", 100) : open_incident("a")})));
    }
    // One that goes at this moment makes room for the next time.
    files.lost = folder + "/s3.json";
    CHECK(journals.save(of("new", {open_incident("a")})).error().code == errc::failed);
    files.lost.clear();
    files.stays = folder + "/s3.json";
    CHECK(journals.save(of("new", {open_incident("a")})).error() ==
          error{errc::io, "Input/output error" + std::string{advice}});
    CHECK_FALSE(files.get(folder + "/new.json"));
}

TEST_CASE("a directory with too much in it is said to be so") {
    memory_files files;
    memory_journals journals{files, "/state"};
    for (std::size_t i = 0; i <= 8 * most_journals; ++i) files.put(folder + "/x" + std::to_string(i), "");
    const error full{errc::bad_data,
                     "\"/state/journal\" holds more than the 32768 names allowed; delete what is not needed there"};
    CHECK(journals.services().error() == full);
    CHECK(journals.save(of("web", {})).error() == full);
}

TEST_CASE("on a real disk: private, locked, and whole") {
    const scratch s;
    posix_files files;
    journal_directory<posix_files> journals{files, s.path};
    const auto held = journals.lock("a/b", {});
    REQUIRE(held);
    CHECK(journals.lock("a/b", {}).error().code == errc::timed_out);
    REQUIRE(journals.save(of("a/b", {open_incident("a")})));
    CHECK(journals.load("a/b")->value == of("a/b", {open_incident("a")}));
    CHECK(*journals.services() == std::vector<std::string>{"a/b"});
    CHECK(scratch::names(s.path + "/journal") ==
          std::vector<std::string>{"a%2Fb.json", "a%2Fb.json.lock", "a%2Fb.json.spare", "reserve"});
    CHECK((*files.status(s.path + "/journal"))->mode == 0700);
    CHECK((*files.status(s.path + "/journal/a%2Fb.json"))->mode == 0600);
    CHECK((*files.status(s.path + "/journal/a%2Fb.json.lock"))->mode == 0600);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(journals.save(of("a/b", {open_incident("a"), open_incident("b" + std::to_string(i))})));
        for (const auto* name : {"/journal/a%2Fb.json", "/journal/a%2Fb.json.spare"}) {
            CHECK((*files.status(s.path + name))->size == journal_size);
            CHECK((*files.status(s.path + name))->mode == 0600);
        }
    }
    CHECK(ids(journals.load("a/b")->value).back() == "b2");
    REQUIRE(journals.remove("a/b"));
    CHECK(scratch::names(s.path + "/journal") == std::vector<std::string>{"reserve"});
    REQUIRE(::chmod(s.path.c_str(), 0770) == 0);
    CHECK(journals.save(of("a/b", {})).error().code == errc::denied);
}

TEST_CASE("after a crash at any step there is the old journal, the new one, or one that is known to be damaged") {
    const scratch s;
    posix_files files;
    journal_directory<posix_files> journals{files, s.path};
    const journal before = of("web", {open_incident("a")});
    const journal after = tried({open_incident("a"), open_incident("b")}, {ended("a", "some\noutput")});
    REQUIRE(journals.save(before));
    const std::string path = s.path + "/journal/web.json";
    const std::string text = file_of(after);
    // Those that end where the journal does, and in its padding.
    const std::size_t size = json::encode_journal(after).size();
    std::vector<std::size_t> lengths{size + 1000, text.size() - 1, text.size()};
    for (std::size_t length = 0; length < size + 3; length += length + 20 < size ? 17 : 1) lengths.push_back(length);
    // The file system may lose what it was not told to keep: any length of the new file, in its own place or beside.
    for (const std::size_t length : lengths) {
        CAPTURE(length);
        REQUIRE(journals.save(before));
        for (const auto* beside : {"/journal/.web.json.Ab12Cd", "/journal/web.json.spare"}) {
            std::ofstream{s.path + beside} << text.substr(0, length);
            CHECK(journals.load("web")->value == before);
            CHECK(*journals.services() == std::vector<std::string>{"web"});
        }
        REQUIRE(::rename((s.path + "/journal/.web.json.Ab12Cd").c_str(), path.c_str()) == 0);
        REQUIRE(::chmod(path.c_str(), 0600) == 0);
        const auto read = journals.load("web");
        REQUIRE(read);
        const bool whole = length + 1 >= size;
        CHECK(read->note.empty() == whole);
        CHECK(read->value == (whole ? after : of("web", {})));
        CHECK(journals.save(after));
        CHECK(journals.load("web")->value == after);
    }
}

namespace {

/// Fills the file system, and tells whether it is full.
auto filled(const std::string& path) -> bool {
    std::ofstream file{path, std::ios::app};
    for (int i = 0; i < 4096 && file; ++i) file << std::string(4096, 'x') << std::flush;
    return !file;
}

}  // namespace

TEST_CASE("a full disk keeps nobody from recording, a read-only one is one clear error") {
    const scratch s;
    // In a child with its own mounts. What it finds is its exit status; 99: such mounts are not to be had.
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const char* const at = s.path.c_str();
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", at, "tmpfs", 0, "size=1m,mode=0700") != 0) {
            ::_exit(99);
        }
        posix_files files;
        journal_directory<posix_files> journals{files, s.path};
        const journal before = of("web", {open_incident("a")});
        const journal after = tried({open_incident("a")}, {ended("a", std::string(1000, 'x'))});
        const auto says = [&](const auto& outcome, const std::string& what) {
            return !outcome && outcome.error().code == errc::io &&
                   outcome.error().message == what + "; nothing is done that no journal would know of: see to " +
                                                  s.path + "/journal, or choose another state directory";
        };
        if (!journals.lock("web", {}) || !journals.save(before)) ::_exit(1);
        // Locks are there before the disk is full.
        for (const auto* name : {"mail", "db"}) {
            if (!journals.lock(name, {})) ::_exit(2);
        }
        if (!filled(s.path + "/filler")) ::_exit(3);
        // Its own space is enough, however often.
        for (int i = 0; i < 5; ++i) {
            if (!journals.save(after) || journals.load("web")->value != after) ::_exit(4);
            if (!journals.save(before) || journals.load("web")->value != before) ::_exit(5);
        }
        // Another service's journal takes the reserve.
        const journal mail{.service = "mail", .incidents = {open_incident("m")}};
        if (!journals.save(mail) || journals.load("mail")->value != mail) ::_exit(6);
        for (int i = 0; i < 5; ++i) {
            if (!journals.save(mail) || !journals.save(after)) ::_exit(7);
        }
        if (journals.load("web")->value != after) ::_exit(8);
        // What is left of it, and then there is none.
        if (!filled(s.path + "/filler")) ::_exit(9);
        const auto full = journals.save({.service = "db", .incidents = {open_incident("d")}});
        if (!says(full, "cannot write " + quoted(s.path + "/journal/db.json") + ": No space left on device")) {
            ::_exit(10);
        }
        if (journals.load("db")->value != journal{.service = "db"} || !journals.load("db")->note.empty()) ::_exit(11);
        if (!journals.save(before) || !journals.save(after)) ::_exit(12);
        // The reserve is there again as soon as there is room.
        ::unlink((s.path + "/filler").c_str());
        if (!journals.save(after) || (*files.status(s.path + "/journal/reserve"))->size != 3 * journal_size)
            ::_exit(13);

        if (::mount("none", at, nullptr, MS_REMOUNT | MS_RDONLY, "size=1m,mode=0700") != 0) ::_exit(14);
        if (!says(journals.save(before),
                  "cannot make a file beside " + quoted(s.path + "/journal/web.json") + ": Read-only file system")) {
            ::_exit(15);
        }
        if (!says(journals.lock("web", {}),
                  "cannot open the lock " + quoted(s.path + "/journal/web.json.lock") + ": Read-only file system")) {
            ::_exit(16);
        }
        if (journals.load("web")->value != after) ::_exit(17);
        std::ofstream{s.path + "/ignored"} << "x";
        ::_exit(scratch::names(s.path) == std::vector<std::string>{"journal"} ? 0 : 18);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99) {
        MESSAGE("a full and a read-only disk are left out: no mounts of our own are to be had (they need root)");
    } else {
        CHECK(WEXITSTATUS(status) == 0);
    }
}

// --- slots for triggers ---

namespace slots {

namespace {

/// Tells in which order places are tried, and may do something while somebody waits.
struct watched_files : testing::memory_files {
    [[nodiscard]] auto lock(const std::string& path, milliseconds wait) -> result<lock_type> {
        tried.push_back(path.substr(path.rfind('/') + 1) + (wait.count == 0 ? "" : " " + std::to_string(wait.count)));
        if (wait.count != 0 && while_waiting) while_waiting();
        return memory_files::lock(path, wait);
    }

    std::vector<std::string> tried{};
    std::function<void()> while_waiting{};
};

}  // namespace

TEST_CASE("a service tries its own place first, then the others, and waits for its own") {
    watched_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    using names = std::vector<std::string>;
    std::list<watched_files::lock_type> held;
    for (const auto& tried : {names{"slot-1.lock"}, names{"slot-1.lock", "slot-2.lock"},
                              names{"slot-1.lock", "slot-2.lock", "slot-0.lock"}}) {
        files.tried.clear();
        auto place = journal_directory{files, "/state"}.free_slot(time, "mail", 3, seconds(60));
        REQUIRE(place);
        held.push_back(std::move(*place));
        CHECK(files.tried == tried);
    }
    const names all{"slot-1.lock", "slot-2.lock", "slot-0.lock", "slot-1.lock 100"};
    files.tried.clear();
    SUBCASE("until the time is up") {
        files.while_waiting = [&] { time.advance({100}); };
        CHECK(journal_directory{files, "/state"}.free_slot(time, "mail", 3, {150}).error().code == errc::timed_out);
        CHECK(files.tried.size() == 2 * all.size());
        CHECK(std::equal(all.begin(), all.end(), files.tried.begin()));
    }
    SUBCASE("the last moment is beyond it") {
        files.while_waiting = [&] { time.advance({100}); };
        CHECK(journal_directory{files, "/state"}.free_slot(time, "mail", 3, {200}).error().code == errc::timed_out);
        CHECK(files.tried.size() == 2 * all.size());
    }
    SUBCASE("until it is free") {
        files.while_waiting = [&] { held.pop_front(); };
        CHECK(journal_directory{files, "/state"}.free_slot(time, "mail", 3, seconds(60)));
        CHECK(files.tried == all);
    }
    SUBCASE("until the disk fails") {
        files.while_waiting = [&] { files.fail_on("/state/journal/slot-1.lock", {errc::io, "disk full"}); };
        CHECK(journal_directory{files, "/state"}.free_slot(time, "mail", 3, seconds(60)).error() ==
              error{errc::io, "disk full"});
        CHECK(files.tried == all);
    }
}

TEST_CASE("as many have a place as there are, and the next one waits in vain") {
    testing::memory_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    {
        const auto one = journal_directory{files, "/state"}.free_slot(time, "web", 2, seconds(0));
        const auto two = journal_directory{files, "/state"}.free_slot(time, "web", 2, seconds(0));
        CHECK(one);
        CHECK(two);
        const auto three = journal_directory{files, "/state"}.free_slot(time, "mail", 2, seconds(0));
        REQUIRE_FALSE(three);
        CHECK(three.error() ==
              error{errc::timed_out, "no trigger of this node ended in time, 2 may run at once; try again"});
    }
    CHECK(journal_directory{files, "/state"}.free_slot(time, "mail", 2, seconds(0)));
}

TEST_CASE("a lock that cannot be had is an error at once") {
    testing::memory_files files;
    testing::manual_clock time;
    REQUIRE(files.make_directory("/state"));
    REQUIRE(files.make_directory("/state/journal"));
    files.fail_on("/state/journal/slot-1.lock", {errc::denied, "not yours"});
    const auto none = journal_directory{files, "/state"}.free_slot(time, "web", 2, seconds(60));
    REQUIRE_FALSE(none);
    CHECK(none.error() == error{errc::denied, "not yours"});
}

}  // namespace slots
