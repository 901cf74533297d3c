#include "../../tools/cli/options.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;
using namespace powerconsul::cli;

TEST_CASE("options may stand before, between and behind the words") {
    const std::vector<std::vector<std::string>> spellings{
        {"check", "service", "-s", "apache2", "-S", "web", "--node", "n1"},
        {"--node", "n1", "check", "-s", "apache2", "service", "-S", "web"},
        {"--node=n1", "check", "service", "-sapache2", "--consulservice=web"},
        {"-S", "web", "-s", "apache2", "check", "--node", "n1", "service"},
    };
    for (const auto& args : spellings) {
        CAPTURE(args.front());
        const auto line = parse_command_line(args);
        REQUIRE(line);
        CHECK(line->words.command == "check");
        CHECK(line->words.subject == "service");
        CHECK(line->value("service") == "apache2");
        CHECK(line->value("consulservice") == "web");
        CHECK(line->value("node") == "n1");
        CHECK_FALSE(line->has("store"));
    }
}

TEST_CASE("a word that is an option's value is no command") {
    const auto line = parse_command_line({"--node", "role", "check", "service", "-S", "check"});
    REQUIRE(line);
    CHECK(line->words.command == "check");
    CHECK(line->value("node") == "role");
    CHECK(line->value("consulservice") == "check");
}

TEST_CASE("what is wrong with a command line is said in one sentence") {
    struct row {
        std::string_view name;
        std::vector<std::string> args;
        std::string_view message;
    };
    const row rows[] = {
        {"nothing", {}, "a command is missing; see powerconsul --help"},
        {"misspelt command",
         {"chek"},
         R"(the command "chek" is not known, did you mean "check"; see powerconsul --help)"},
        {"unknown command",
         {"frobnicate"},
         R"(the command "frobnicate" is not known; expected check, watch, trigger, incidents, pause, resume, lint, role, acl-policy, config or doctor; see powerconsul --help)"},
        {"no subject",
         {"check"},
         "check needs a subject: service, servicegroup, crontab, process, tcp or http; see powerconsul check --help"},
        {"misspelt subject",
         {"check", "servise"},
         R"(the subject "servise" is not known, did you mean "service"; see powerconsul check --help)"},
        {"misspelt option",
         {"role", "--stor", "x"},
         R"(the option "stor" is not known, did you mean "store"; see powerconsul role --help)"},
        {"misspelt option with a value",
         {"role", "--stor=x"},
         R"(the option "stor" is not known, did you mean "store"; see powerconsul role --help)"},
        {"another command's option",
         {"role", "--init-directory", "x"},
         R"(the option "init-directory" is not known; see powerconsul role --help)"},
        {"unknown letter", {"role", "-x"}, R"(the option "-x" is not known; see powerconsul role --help)"},
        {"unknown letter behind a known one",
         {"role", "-S", "a", "-x"},
         R"(the option "-x" is not known; see powerconsul role --help)"},
        {"unknown command, and help",
         {"chek", "-h"},
         R"(the command "chek" is not known, did you mean "check"; see powerconsul --help)"},
        {"help for what does not exist",
         {"help", "watch", "red"},
         R"(the subject "red" is not known; expected warning or critical; see powerconsul watch --help)"},
        {"unknown subject, and help",
         {"check", "servise", "--help"},
         R"(the subject "servise" is not known, did you mean "service"; see powerconsul check --help)"},
        {"misspelt option alone",
         {"--verison"},
         R"(the option "verison" is not known, did you mean "version"; see powerconsul --help)"},
        {"no value", {"role", "-S"}, "the option -S needs a value (NAME); see powerconsul role --help"},
        {"an option for a value",
         {"role", "-S", "--node", "x"},
         R"(the option -S needs a value (NAME), and the option "--node" follows; see powerconsul role --help)"},
        {"help for a value",
         {"role", "-S", "--help"},
         R"(the option -S needs a value (NAME), and the option "--help" follows; see powerconsul role --help)"},
        {"a letter with =",
         {"role", "-S=web"},
         R"(the option -S needs a value (NAME) behind a blank, found "=web"; write it without =; see powerconsul role --help)"},
        {"a flag with a value",
         {"role", "-S", "a", "--explain=yes"},
         "the option --explain takes no value; leave out what stands behind it; see powerconsul role --help"},
        {"twice",
         {"role", "-S", "a", "-S", "b"},
         "--consulservice is given more than once; give it once; see powerconsul role --help"},
        {"empty value",
         {"role", "-S", ""},
         "--consulservice has an empty value; leave it out or fill it; see powerconsul role --help"},
        {"cut short, as Python's argparse takes it",
         {"check", "service", "--serv", "apache2"},
         R"(the option "serv" is not known, did you mean "service", "service-manager", "serving" or "server-role"; see powerconsul check service --help)"},
        {"cut short, an option of another kind of check",
         {"check", "service", "--patt=x"},
         R"(the option "patt" is not known, did you mean "pattern"; see powerconsul check service --help)"},
        {"another kind's option without its value",
         {"check", "service", "-s", "a", "-p"},
         "the option -p needs a value (TEXT); see powerconsul check service --help"},
        {"another kind's option for a value",
         {"check", "service", "-s", "--crontab-dir", "x"},
         R"(the option -s needs a value (NAME), and the option "--crontab-dir" follows; see powerconsul check service --help)"},
        {"another kind's flag with a value",
         {"check", "service", "--system=x"},
         "the option --system takes no value; leave out what stands behind it; see powerconsul check service --help"},
        {"one argument too many",
         {"role", "a", "b"},
         R"(the argument "b" is one too many; see powerconsul role --help)"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        const auto line = parse_command_line(each.args);
        REQUIRE_FALSE(line);
        CHECK(line.error().code == errc::usage);
        CHECK(line.error().message == each.message);
    }
    const auto cut = parse_command_line({"role", "-S"});
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code == errc::usage);
    CHECK(cut.error().message.find("see powerconsul role --help") != std::string::npos);
}

TEST_CASE("an option of another kind of check is ignored with its value, and named once") {
    struct row {
        std::vector<std::string> args;
        std::vector<std::string> notes;
    };
    const row rows[] = {
        {{"check", "service", "-p", "-x", "-s", "a"}, {"-p is ignored: it is no option of check service"}},
        {{"check", "service", "-u", "bob", "-n", "-c 1:1", "-s", "a"},
         {"-u is ignored: it is no option of check service", "-n is ignored: it is no option of check service"}},
        {{"-pa", "check", "-p", "", "service", "--pattern=b", "-s", "a"},
         {"-p is ignored: it is no option of check service", "--pattern is ignored: it is no option of check service"}},
        {{"check", "process", "--system", "-s", "b", "--name", "a"},
         {"--system is ignored: it is no option of check process", "-s is ignored: it is no option of check process"}},
        {{"check", "service", "-U", "-s", "a"}, {}},
    };
    for (const auto& each : rows) {
        CAPTURE(each.args);
        const auto line = parse_command_line(each.args);
        REQUIRE_MESSAGE(line, line.error().message);
        CHECK(line->notes == each.notes);
        CHECK(line->value(line->words.subject == "service" ? "service" : "name") == "a");
        CHECK(line->options.size() == (line->has("updatekv") ? 2 : 1));
        CHECK(line->operands.empty());
    }
}

TEST_CASE("help and version win over what else is wrong") {
    for (const std::vector<std::string>& args : {std::vector<std::string>{"--help"},
                                                 {"check", "service", "--nonsense", "--help"},
                                                 {"help"},
                                                 {"help", "check"}}) {
        const auto line = parse_command_line(args);
        REQUIRE(line);
        CHECK(line->has("help"));
    }
    const auto subject = parse_command_line({"help", "check", "service"});
    REQUIRE(subject);
    CHECK(subject->words.subject == "service");
    CHECK(parse_command_line({"--version"})->has("version"));
    // A file is no option, whatever it is called.
    const auto files = parse_command_line({"lint", "aS", "--as", "trigger"});
    REQUIRE(files);
    CHECK(files->operands == std::vector<std::string>{"aS"});
    const auto value = parse_command_line({"check", "process", "-n", "--help", "-S", "a"});
    REQUIRE(value);
    CHECK(value->value("nagiosargs") == "--help");
}

TEST_CASE("a secret on the command line is refused and not repeated") {
    struct row {
        std::vector<std::string> args;
        std::string_view instead;
    };
    const row rows[] = {
        {{"role", "-S", "web", "--token", "hush"}, "--token-file or CONSUL_HTTP_TOKEN"},
        {{"--token", "hush", "check", "service", "-s", "a", "-S", "web"}, "--token-file or CONSUL_HTTP_TOKEN"},
        {{"role", "--token=hush", "-S", "web"}, "--token-file or CONSUL_HTTP_TOKEN"},
        {{"role", "-token", "hush", "-S", "web"}, "--token-file or CONSUL_HTTP_TOKEN"},
        {{"-token=hush", "role"}, "--token-file or CONSUL_HTTP_TOKEN"},
        {{"role", "-S", "web", "--http-auth", "me:hush"}, "--http-auth-file or CONSUL_HTTP_AUTH"},
        {{"role", "--token", "hush", "--help"}, "--token-file or CONSUL_HTTP_TOKEN"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.args);
        const auto line = parse_command_line(each.args);
        REQUIRE_FALSE(line);
        CHECK(line.error().code == errc::usage);
        CHECK(line.error().message.find(each.instead) != std::string::npos);
        CHECK(line.error().message.find("hush") == std::string::npos);
        CHECK(find_words(each.args).command != "hush");
    }
    const auto value = parse_command_line({"role", "-S", "--token"});
    REQUIRE(value);
    CHECK(value->value("consulservice") == "--token");
    CHECK(parse_command_line({"role", "-S", "web", "--token-file", "/t"}));
}

TEST_CASE("the subject of a wrong line is only what a command has") {
    CHECK(find_words({"check", "service", "--nonsense"}).subject == "service");
    CHECK(find_words({"check", "servise"}).subject.empty());
    CHECK(find_words({"check", "servise"}).command == "check");
    CHECK(find_words({}).command.empty());
    CHECK(find_words({"--stroe", "/x", "y", "check", "service"}).subject == "service");
    CHECK(find_words({"help", "check", "servise"}).command == "help");
}

TEST_CASE("help at each level has an example") {
    for (const auto& words :
         {config::command_words{}, {"check", ""}, {"check", "service"}, {"check", "servicegroup"}, {"role", ""}}) {
        CAPTURE(words.command);
        const std::string text = help_text(words);
        CHECK(text.find("powerconsul " + words.command) != std::string::npos);
        CHECK(text.find(" apacheWebService") != std::string::npos);
        CHECK(text.find("--store FILE") != std::string::npos);
    }
}
