#include <powerconsul/heal/journal.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
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
    one.service_id = "web";
    one.check_id = "service:web";
    one.opened = {opened};
    return one;
}

auto closed_incident(std::string_view id, std::int64_t closed) -> incident {
    incident one = open_incident(id, closed - 1);
    one.closed = {closed};
    return one;
}

auto acted_on(std::string_view id, std::string output) -> incident {
    incident one = open_incident(id);
    one.attempts = 1;
    one.last.began = {1'000'100};
    one.last.ended = {1'000'200};
    one.last.result = healing::ended;
    one.last.output = std::move(output);
    return one;
}

auto of(std::string_view service, std::vector<incident> incidents) -> journal {
    return {std::string{service}, std::move(incidents)};
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
    auto replace(const std::string& path, std::string_view bytes) -> result<void> {
        return replaces ? memory_files::replace(path, bytes) : unexpected{why};
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
        CHECK(read->note.empty());
    }
    CHECK(*journals.services() == services);
    CHECK(files.get(folder + "/web.json") == json::encode_journal(of("web", {open_incident("of web")})));
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
        {"cut off", sound.substr(0, sound.size() - 1), "the journal is damaged"},
        {"something else", "{}", "the journal is damaged"},
        {"another service's", json::encode_journal(of("other", {})), "it is the journal of \"other\""},
        {"too large", sound + std::string(largest_journal, ' '), "it is larger than 16384 bytes"},
        {"too large by one", sound + std::string(largest_journal + 1 - sound.size(), ' '),
         "it is larger than 16384 bytes"},
        {"as large as can be kept", std::string(1024 * 1024, ' '), "it is larger than 16384 bytes"},
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
    files.put(folder + "/web.json", std::string(largest_journal, ' '));
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
        REQUIRE(kept);
        CHECK(ids(*kept).size() == 17);
        CHECK(ids(*kept).front() == "open, very old");
        CHECK(ids(*kept)[1] == "c4");
        CHECK(ids(*kept).back() == "c19");
    }
    SUBCASE("the time of closing counts, not the place") {
        std::reverse(all.begin(), all.end());
        const auto kept = bounded_journal(of("web", all));
        REQUIRE(kept);
        CHECK(ids(*kept)[15] == "c4");
        CHECK(ids(*kept)[16] == "open, very old");
    }
    SUBCASE("of two that closed at one time the first goes first") {
        for (auto& each : all) {
            if (!each.is_open()) each.closed = {30 * day};
        }
        const auto kept = bounded_journal(of("web", all));
        REQUIRE(kept);
        CHECK(ids(*kept).size() == 17);
        CHECK(ids(*kept)[1] == "c4");
    }
    SUBCASE("what is too old goes from the first place, too") {
        std::reverse(all.begin(), all.end());
        all.insert(all.begin(), closed_incident("old", 1000));
        all.back().looked = {all[1].closed.count + day};
        const auto kept = bounded_journal(of("web", {all[0], all.back()}));
        REQUIRE(kept);
        CHECK(ids(*kept) == std::vector<std::string>{"open, very old"});
    }
    SUBCASE("none of more than a week before the newest time") {
        struct row {
            std::string_view name;
            void (*set)(incident&, milliseconds);
        };
        for (const auto& each : {row{"opened", [](incident&one, milliseconds at) { one.opened = at; }},
                                 row{"looked", [](incident&one, milliseconds at) { one.looked = at; }},
                                 row{"began", [](incident&one, milliseconds at) { one.last.began = at; }},
                                 row{"ended", [](incident&one, milliseconds at) { one.last.ended = at; }},
                                 row{"closed", [](incident&one, milliseconds at) { one.closed = at; }}}) {
            CAPTURE(each.name);
            auto some = all;
            each.set(some[0], {37 * day + 18});
            const auto kept = bounded_journal(of("web", some));
            REQUIRE(kept);
            CHECK(ids(*kept) == std::vector<std::string>{"open, very old", "c18", "c19"});
        }
    }
}

TEST_CASE("a journal has at most 16 KiB") {
    const std::string output = "the first line\n" + std::string(900, 'x') + "\nthe last line";
    SUBCASE("closed incidents go first, the oldest before the others") {
        std::vector<incident> all;
        for (int i = 0; i < 12; ++i) {
            all.push_back(acted_on("open" + std::to_string(i), output));
            all.push_back(acted_on("closed" + std::to_string(i), output));
            all.back().closed = {2'000'000 + i};
        }
        const auto kept = bounded_journal(of("web", all));
        REQUIRE(kept);
        CHECK(json::encode_journal(*kept).size() <= largest_journal);
        for (int i = 0; i < 12; ++i) {
            const auto found = std::ranges::find(kept->incidents, "open" + std::to_string(i), &incident::id);
            REQUIRE(found != kept->incidents.end());
            CHECK(found->last.output == output);
        }
        CHECK(kept->incidents.size() == 14);
        CHECK(kept->incidents[11].id == "closed10");
        CHECK(kept->incidents.back().id == "closed11");
    }
    SUBCASE("then outputs get shorter, from their beginning") {
        std::vector<incident> all;
        for (int i = 0; i < 24; ++i) all.push_back(acted_on("open" + std::to_string(i), output));
        all[3].held = std::string(1000, 'h');
        const auto kept = bounded_journal(of("web", all));
        REQUIRE(kept);
        CHECK(json::encode_journal(*kept).size() <= largest_journal);
        REQUIRE(kept->incidents.size() == 24);
        for (const auto& one : kept->incidents) {
            CHECK(one.last.output == "the last line");
            CHECK(one.attempts == 1);
        }
        CHECK(kept->incidents[3].held.ends_with("h..."));
    }
    SUBCASE("control characters count as what is written for them") {
        std::vector<incident> all;
        for (int i = 0; i < 5; ++i) all.push_back(acted_on("open" + std::to_string(i), std::string(1024, '\x01')));
        const auto kept = bounded_journal(of("web", all));
        REQUIRE(kept);
        CHECK(json::encode_journal(*kept).size() <= largest_journal);
        CHECK(kept->incidents[0].last.output == std::string(256, '\x01'));
    }
    SUBCASE("as long as the open ones fit") {
        std::vector<incident> all;
        const auto fit = [&] { return bounded_journal(of("web", all)).has_value(); };
        while (all.size() < 200 && fit()) {
            all.push_back(acted_on("open" + std::to_string(all.size()), output));
            all.back().held = std::string(1000, 'h');
        }
        CHECK(all.size() > 50);
        REQUIRE_FALSE(fit());
        memory_files files;
        memory_journals journals{files, "/state"};
        CHECK(journals.save(of("web", all)).error() ==
              error{errc::bad_data,
                    std::to_string(all.size()) +
                        " open incidents of \"web\" do not fit into a "
                        "journal of 16384 bytes; register fewer checks for one service, or give them shorter ids"});
        CHECK_FALSE(files.get(folder + "/web.json"));
        all.pop_back();
        REQUIRE(journals.save(of("web", all)));
        const auto read = journals.load("web");
        REQUIRE(read);
        CHECK(read->note.empty());
        CHECK(read->value.incidents.size() == all.size());
        for (const auto& one : read->value.incidents) CHECK_FALSE(one.held.empty());
    }
}

TEST_CASE("outputs and reasons get shorter in steps, all alike, and a reason never goes") {
    using sizes = std::pair<std::size_t, std::size_t>;
    std::vector<sizes> seen;
    std::vector<incident> all;
    while (const auto kept = bounded_journal(of("web", all))) {
        for (const auto& one : kept->incidents) {
            const sizes now{one.last.output.size(), one.held.size()};
            if (seen.empty() || seen.back() != now) seen.push_back(now);
        }
        for (int i = 0; i < 2; ++i) {
            all.push_back(acted_on("open" + std::to_string(all.size()), std::string(1000, 'x')));
            all.back().held = std::string(1000, 'h');
        }
    }
    CHECK(seen == std::vector<sizes>{{1000, 1000}, {256, 288}, {64, 96}, {0, 32}});
    // What is short enough is left as it is.
    all.resize(10);
    all[8].held = std::string(289, 'h');
    all[9].held = "two\n" + std::string(284, 'h');
    const auto kept = bounded_journal(of("web", all));
    CHECK(kept->incidents[8].held == std::string(285, 'h') + "...");
    CHECK(kept->incidents[9].held == all[9].held);
}

TEST_CASE("a journal of 16 KiB fits, one of a byte more does not") {
    std::vector<incident> all;
    const auto size = [&] { return json::encode_journal(of("web", all)).size(); };
    do all.push_back(acted_on("open" + std::to_string(all.size()), std::string(1, 'x')));
    while (size() + 1000 < largest_journal);
    all.back().last.output += std::string(largest_journal - size(), 'x');
    REQUIRE(size() == largest_journal);
    CHECK(*bounded_journal(of("web", all)) == of("web", all));
    all.back().last.output += 'x';
    CHECK(bounded_journal(of("web", all))->incidents.back().last.output.size() == 256);
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
                             "gone.json.lock", "busy.json.lock"}) {
        left(name, now - 3601);
    }
    const std::vector<std::string> kept{".new.json.Ab12Cd", "fresh.json.lock"};
    for (const auto& name : kept) left(name, now - 3600);
    const std::vector<std::string> others{".web.json.Ab12C", "web.json.Ab12Cd", ".hidden",
                                          ".web.Ab12Cd",     "slot-0.lock",     "fresh.json-lock",
                                          ".abcdef",         "known.json.lock", "a%2.json.lock"};
    for (const auto& name : others) left(name, 0);
    files.put(folder + "/known.json", json::encode_journal(of("known", {})));
    const auto held = journals.lock("busy", {});
    files.fail_on(folder + "/.%2Eweb.json.damaged.abcdef", {errc::io, "cannot"});

    const auto names = [&] { return **files.list(folder, 100); };
    const auto before = names();
    REQUIRE(journals.save(of("known", {open_incident("a", now * 1000)})));
    CHECK(names() == before);
    REQUIRE(journals.save(of("web", {open_incident("a", now * 1000)})));
    auto expected = before;
    std::erase(expected, ".web.json.Ab12Cd");
    std::erase(expected, ".%2Ex.json.damaged.abcdef");
    std::erase(expected, "gone.json.lock");
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
    CHECK(scratch::names(s.path + "/journal") == std::vector<std::string>{"a%2Fb.json", "a%2Fb.json.lock"});
    CHECK((*files.status(s.path + "/journal"))->mode == 0700);
    CHECK((*files.status(s.path + "/journal/a%2Fb.json"))->mode == 0600);
    CHECK((*files.status(s.path + "/journal/a%2Fb.json.lock"))->mode == 0600);
    REQUIRE(journals.remove("a/b"));
    CHECK(scratch::names(s.path + "/journal").empty());
    REQUIRE(::chmod(s.path.c_str(), 0770) == 0);
    CHECK(journals.save(of("a/b", {})).error().code == errc::denied);
}

TEST_CASE("after a crash at any step there is the old journal, the new one, or one that is known to be damaged") {
    const scratch s;
    posix_files files;
    journal_directory<posix_files> journals{files, s.path};
    const journal before = of("web", {open_incident("a")});
    const journal after = of("web", {acted_on("a", "some\noutput"), open_incident("b")});
    REQUIRE(journals.save(before));
    const std::string path = s.path + "/journal/web.json";
    const std::string text = json::encode_journal(after);
    // The file system may lose what it was not told to keep: any length of the new file, in its own place or beside.
    for (std::size_t length = 0; length <= text.size(); ++length) {
        CAPTURE(length);
        REQUIRE(journals.save(before));
        std::ofstream{s.path + "/journal/.web.json.Ab12Cd"} << text.substr(0, length);
        CHECK(journals.load("web")->value == before);
        CHECK(*journals.services() == std::vector<std::string>{"web"});
        REQUIRE(::rename((s.path + "/journal/.web.json.Ab12Cd").c_str(), path.c_str()) == 0);
        REQUIRE(::chmod(path.c_str(), 0600) == 0);
        const auto read = journals.load("web");
        REQUIRE(read);
        CHECK(read->note.empty() == (length == text.size()));
        CHECK(read->value == (length == text.size() ? after : of("web", {})));
        CHECK(journals.save(after));
        CHECK(journals.load("web")->value == after);
    }
}

TEST_CASE("a full or read-only disk is one clear error, and leaves the old journal") {
    const scratch s;
    // In a child with its own mounts. What it finds is its exit status; 99: such mounts are not to be had.
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const char* const at = s.path.c_str();
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", at, "tmpfs", 0, "size=64k,mode=0700") != 0) {
            ::_exit(99);
        }
        posix_files files;
        journal_directory<posix_files> journals{files, s.path};
        const journal before = of("web", {open_incident("a")});
        const journal after = of("web", {acted_on("a", std::string(1000, 'x'))});
        const auto says = [&](const auto& outcome, const std::string& what) {
            return !outcome && outcome.error().code == errc::io &&
                   outcome.error().message == what + "; nothing is done that no journal would know of: see to " +
                                                  s.path + "/journal, or choose another state directory";
        };
        if (!journals.lock("web", {}) || !journals.save(before)) ::_exit(1);
        std::ofstream{s.path + "/filler"} << std::string(1'000'000, 'x');
        const auto full = journals.save(after);
        if (!says(full, "cannot write " + quoted(s.path + "/journal/web.json") + ": No space left on device"))
            ::_exit(2);
        if (journals.load("web")->value != before) ::_exit(3);
        if (scratch::names(s.path + "/journal").size() != 2) ::_exit(4);
        ::unlink((s.path + "/filler").c_str());
        if (!journals.save(after) || journals.load("web")->value != after) ::_exit(5);

        if (::mount("none", at, nullptr, MS_REMOUNT | MS_RDONLY, "size=64k,mode=0700") != 0) ::_exit(6);
        if (!says(journals.save(before),
                  "cannot make a file beside " + quoted(s.path + "/journal/web.json") + ": Read-only file system")) {
            ::_exit(7);
        }
        if (!says(journals.lock("web", {}),
                  "cannot open the lock " + quoted(s.path + "/journal/web.json.lock") + ": Read-only file system")) {
            ::_exit(8);
        }
        if (journals.load("web")->value != after) ::_exit(9);
        std::ofstream{s.path + "/ignored"} << "x";
        ::_exit(scratch::names(s.path) == std::vector<std::string>{"journal"} ? 0 : 10);
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
