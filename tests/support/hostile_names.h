#pragma once
// Names that somebody who wants harm, or a careless program, might put into a file: whatever writes text for
// people or programs must come through all of them unharmed.

#include <string>
#include <vector>

namespace weft::testing_support {

inline std::vector<std::string> hostile_names() {
  return {"",
          "x\nsystem('touch pwned')\n#",
          "'; system('touch pwned'); '",
          "a''; system(\"touch pwned\") #",
          "''; system(\"touch pwned\") #",
          "\"; system(\"touch pwned\"); \"",
          "`touch pwned`",
          "$(touch pwned)",
          "@pwned %s %d %n %",
          "<script>touch('pwned')</script>",
          "\"><img src=x onerror=pwned()>",
          "]]></style>&amp;",
          "back\\slash\\",
          "quote\\\"end",
          "=1+1",
          "+1",
          "-1",
          "@SUM(1)",
          "\t=1+1",
          "  =1+1",
          "a,b;c|d",
          "../../pwned",
          "/pwned",
          ".",
          "-rf",
          "\x1b]0;pwned\x07\x1b[31m",
          "\r\033[Kpwned",
          "bell\a back\b del\x7f c1\xc2\x85",
          std::string("zero\0byte", 9),
          "not utf-8 \xff\xfe \xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80",
          "cut \xe2\x82",
          "reversed \u202etxt.exe",
          "{/=20 big}_{sub}^{super}~a{.6b}",
          std::string(100000, 'x'),
          "\u65e5\u672c\u8a9e \u00fc"};
}

}  // namespace weft::testing_support
