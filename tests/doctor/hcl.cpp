#include <powerconsul/doctor/hcl.hpp>

#include <doctest/doctest.h>

#include <string>

using powerconsul::parse_hcl;

TEST_CASE("a configuration in HCL is read as if it were JSON") {
    using powerconsul::json::kind;
    const auto root = parse_hcl(R"(
# a comment
data_dir = "/var/lib \"consul\""  // another
flag = true, count = 12 /* and
one more */ service "web" { port = 80 }
service "db" { check = { args = ["a", "b",] } }
watches { type = "checks" }
watches = [{ type = "key", text = <<-END
  two
  lines
  END
}]
)");
    REQUIRE(root);
    CHECK(root->find("data_dir")->text == "/var/lib \"consul\"");
    CHECK(root->find("flag")->boolean);
    CHECK(root->find("count")->text == "12");
    const auto& services = *root->find("service");
    REQUIRE(services.items.size() == 2);
    CHECK(services.items[0].find("web")->find("port")->text == "80");
    CHECK(services.items[1].find("db")->find("check")->find("args")->items.size() == 2);
    const auto& watches = *root->find("watches");
    REQUIRE(watches.items.size() == 2);
    CHECK(watches.items[0].find("type")->text == "checks");
    CHECK(watches.items[1].find("text")->text == "  two\n  lines\n");
    CHECK(parse_hcl("")->is(kind::object));
}

TEST_CASE("what is no HCL is an error with its line") {
    std::string deep = "a = ";
    deep.append(100, '[');
    for (const std::string& text :
         {std::string{"a"}, std::string{"a ="}, std::string{"a = {"}, std::string{"a = ["}, std::string{"\n}"},
          std::string{"a = \"x"}, std::string{"a = \"x\ny\""}, std::string{"a = <<E\nx"}, std::string{"= 1"},
          std::string{"a b = 1"}, std::string{"a = *"}, deep}) {
        CAPTURE(text);
        const auto root = parse_hcl(text);
        REQUIRE_FALSE(root);
        CHECK(root.error().message.find("line ") != std::string::npos);
    }
    // Names in a row nest as braces do: a hundred thousand of them took the stack when what was read was given up.
    std::string names = "a";
    for (int i = 0; i < 100'000; ++i) names += " \"b\"";
    CHECK(parse_hcl(names + " { c = 1 }").error().message == "line 1: expected less nesting");
    CHECK(parse_hcl("\n}").error().message.starts_with("line 2"));
}
