#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caller.hpp"

namespace {

using words = std::vector<std::string>;

/// A user without any configuration.
struct user {
    tool::sandbox box{};
    std::string variable{};  ///< POWERCONSUL_CONFIG
    std::optional<std::string> input{};

    auto operator()(words args) -> tool::ended {
        tool::cli::invocation call;
        args.insert(args.begin(), {"config", "bootstrap"});
        call.args = std::move(args);
        call.environment = {{"HOME", box / ""}};
        call.environment["HOME"].pop_back();
        if (!variable.empty()) call.environment["POWERCONSUL_CONFIG"] = variable;
        if (input) call.input = [&](std::size_t, powerconsul::milliseconds) { return powerconsul::result{*input}; };
        tool::ended result;
        result.status = tool::cli::run(call, result.out, result.err);
        return result;
    }
    [[nodiscard]] auto mode_of(std::string_view name) const -> unsigned {
        struct stat seen {};
        return stat((box / name).c_str(), &seen) == 0 ? seen.st_mode & 07777U : 0U;
    }
};

constexpr std::string_view own = ".powerconsul.conf";
constexpr std::string_view text = R"({"clusterKey": "cluster/production", "subVars": {"@ENV2": "x"}})";

}  // namespace

TEST_CASE("a configuration is written where the original writes it, or where one is named") {
    user somebody;
    const auto first = somebody({"-C", std::string{text}});
    CHECK(first.out == "wrote " + somebody.box / own + "\n");
    CHECK(first.err.empty());
    CHECK(first.status == 0);
    CHECK(somebody.box.text_of(own) == std::string{text} + '\n');
    CHECK(somebody.mode_of(own) == 0644);
    const auto again = somebody({"-C", std::string{text}});
    CHECK(again.status == 0);
    CHECK(again.out == somebody.box / own + " says that already\n");

    CHECK(somebody({"--settings", "{}", "--config", somebody.box / "named"}).status == 0);
    CHECK(somebody.box.text_of("named") == "{}\n");
    somebody.variable = somebody.box / "variable";
    CHECK(somebody({"-C", "{}"}).status == 0);
    CHECK(somebody.box.text_of("variable") == "{}\n");
    // The original's own long name.
    somebody.variable = somebody.box / "original";
    CHECK(somebody({"--config", "{}"}).status == 0);
    CHECK(somebody.box.text_of("original") == "{}\n");
    somebody.input = R"({"environment": "test"})";
    somebody.variable = somebody.box / "piped";
    CHECK(somebody({"-C", "-"}).status == 0);
    CHECK(somebody.box.text_of("piped") == *somebody.input + '\n');
}

TEST_CASE("another configuration stays unless it is to be replaced, and so does a symbolic link") {
    user somebody;
    somebody.box.write(own, R"({"clusterKey": "mine"})", 0600);
    const auto refused = somebody({"-C", std::string{text}});
    CHECK(refused.status == 1);
    CHECK(refused.out.empty());
    CHECK(refused.err ==
          "powerconsul: \"" + somebody.box / own + "\" holds something else, which stays as it is; set --force\n");
    CHECK(somebody.box.text_of(own) == R"({"clusterKey": "mine"})");
    // The same in other words is no other configuration.
    CHECK(somebody({"-C", R"({ "clusterKey":"mine" })"}).status == 0);
    CHECK(somebody.mode_of(own) == 0600);
    CHECK(somebody({"-C", std::string{text}, "--force"}).status == 0);
    CHECK(somebody.box.text_of(own) == std::string{text} + '\n');

    somebody.box.write("real", "{}");
    REQUIRE(symlink((somebody.box / "real").c_str(), (somebody.box / "link").c_str()) == 0);
    CHECK(somebody({"-C", std::string{text}, "--config", somebody.box / "link", "--force"}).status == 0);
    CHECK(somebody.box.text_of("real") == std::string{text} + '\n');
    struct stat seen {};
    REQUIRE(lstat((somebody.box / "link").c_str(), &seen) == 0);
    CHECK(S_ISLNK(seen.st_mode));
}

TEST_CASE("what lint refuses is not written, and what it warns of is told") {
    user somebody;
    struct row {
        std::string_view json;
        int status;
        std::string_view says;
    };
    constexpr row rows[] = {
        {"{", 65, "-C:1:"},
        {"[]", 65, "-C:1:1: error: "},
        {R"({"clusterkey": "a"})", 65, R"(did you mean "clusterKey")"},
        {R"({"timeout": "soon"})", 65, "-C:1:13: error: timeout"},
        {R"({"clusterKey": "/a"})", 65, "-C:1:16: error: clusterKey: "},
        {R"({"stateDir": "state"})", 0, "-C:1:14: warning: stateDir is relative"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.json);
        somebody.variable = somebody.box / "at";
        const auto done = somebody({"-C", std::string{each.json}});
        CHECK(done.status == each.status);
        CHECK(done.out.find(each.says) != std::string::npos);
        CHECK(done.err.empty());
        CHECK(somebody.mode_of("at") == (each.status == 0 ? 0644U : 0U));
    }
    const auto as_json = somebody({"-C", "{", "--format", "json"});
    CHECK(as_json.status == 65);
    CHECK(tool::member(as_json, "errors") == "1");
}

TEST_CASE("a call that cannot be carried out writes nothing") {
    user somebody;
    struct row {
        std::string_view name;
        words args;
        int status;
        std::string_view says;
    };
    const row rows[] = {
        {"nothing to write", {}, 64, "the option -C/--settings is missing"},
        {"nothing in it", {"-C", ""}, 64, "has an empty value"},
        {"an argument too many", {"-C", "{}", "x"}, 64, "is one too many"},
        {"no such directory", {"-C", "{}", "--config", somebody.box / "no/file"}, 1, "cannot open the directory"},
        {"a directory", {"-C", "{}", "--config", somebody.box / "folder"}, 1, "is not a regular file"},
        {"a directory, to be replaced", {"-C", "{}", "--force", "--config", somebody.box / "folder"}, 1, "folder"},
        {"no standard input", {"-C", "-"}, 65, "there is no standard input"},
    };
    REQUIRE(mkdir((somebody.box / "folder").c_str(), 0700) == 0);
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto done = somebody(each.args);
        CHECK(done.status == each.status);
        CHECK(done.err.find(each.says) != std::string::npos);
        CHECK(done.out.empty());
        CHECK(somebody.mode_of(own) == 0);
    }
    tool::cli::invocation homeless;
    homeless.args = {"config", "bootstrap", "-C", "{}"};
    std::string out;
    std::string err;
    CHECK(tool::cli::run(homeless, out, err) == 78);
    CHECK(err == "powerconsul: there is no home directory to write to; set --config\n");
}
