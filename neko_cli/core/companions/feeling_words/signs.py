"""Feelings that need no language: emoji, faces of characters, and what people type for laughing."""

from __future__ import annotations

from neko_cli.core.companions.feeling_words import Words

EMOJI: Words = {
    "happy": """😀 😃 😄 😁 😆 😅 😂 🤣 🙂 😊 😇 🥰 😍 🤩 😘 😋 😎 🤗 😺 😸 😹 😻 🎉 🥳 🎊 ✨ 💖 💕
        ❤ 🧡 💛 💚 💙 💜 👍 👏 🙌 ☺ 😜 😌 🐱 🌞""",
    "sad": "😢 😭 😞 😔 🙁 ☹ 😟 🥺 😿 💔 😥 😓 😣 😩 😖 🥲 🌧",
    "angry": "😠 😡 🤬 👿 😤 💢 😾 🖕 😒",
    "surprised": "😮 😯 😲 😳 🤯 😱 🙀 ‼ ⁉ 😦 😧 👀",
    "shy": "😳 🙈 ☺ 🥺 👉👈",
    "scared": "😱 😨 😰 🙀 😧 😬",
    "loving": "🥰 😍 😘 ❤ 💖 💕 💗 💞 🤗 😻",
    "curious": "🤔 🧐 👀",
    "confused": "😕 🤔 😵 ❓ 🤷",
    "tired": "😴 🥱 😪 💤 😫",
    "bored": "😑 😐 🥱 🙄",
    "proud": "😤 🏆 💪 😎 🥇",
    "excited": "🤩 🎉 🥳 🙌 🔥",
}

KAOMOJI: Words = {
    "happy": r""":) :-) :D :-D =) =D ^^ ^_^ ^-^ (^^) (^_^) (^o^) (^▽^) (*^_^*) (^-^) \(^o^)/
        (´▽`) (´∀`) (≧▽≦) (≧∇≦) (◕‿◕) (｡◕‿◕｡) ヽ(´▽`)/ (*´▽`*) ٩(◕‿◕)۶ (｀・ω・´) (・∀・) (´ω`) (*^▽^*)
        <3 xD XD :3 ^w^ (=^・ω・^=) (=^・^=) ヾ(≧▽≦*)o""",
    "sad": """:( :-( :'( :,( =( T_T T-T T.T ;_; ;-; Q_Q QAQ QwQ TAT (T_T) (;_;) (;ω;) (´;ω;`)
        (ノД`) (｡•́︿•̀｡) (╥_╥) (╥﹏╥) (つ﹏⊂) (´･ω･`) (´・ω・`) orz (._.) (◞‸◟) (>﹏<) 。゜゜""",
    "angry": """>:( >:-( >_< (`Д´) (｀Д´) (╬ಠ益ಠ) ಠ_ಠ (ಠ_ಠ) (#`Д´) (｀皿´) (╯°□°）╯ (╯°□°)╯
        (눈_눈) (-_-#) (｀ヘ´) ヽ(`Д´)ﾉ (¬_¬) D:<""",
    "surprised": """:O :o :-O :-o O_O o_O O_o 0_0 o.O O.O (O_O) (°o°) (゜o゜) (⊙_⊙) ⊙_⊙ (°ロ°)
        Σ(°△°) Σ( (ﾟДﾟ) (゜Д゜) w(°ｏ°)w ∑(""",
    "shy": "(//∇//) (*/ω＼*) (*ﾉωﾉ) (〃∀〃) (*´∀`*) >///< (///ω///)",
    "scared": "((((；゜Д゜))) (°д°) (；゜Д゜) D:",
    "confused": "(・・?) (・_・?) (?_?) (@_@) @_@",
    "tired": "(-_-)zzz (-.-)zzz zzz Zzz (=_=) (￣o￣)",
}

TYPED: Words = {
    "happy": r"""(?<![a-z])h[aeiu](?:h[aeiu])+h?\b \blol\b \blmao\b \brofl\b \b(?:ja){3,}\b \bха(?:ха)+\b
        ㅋ{2,} 哈{2,} 嘻{2,} 嘿{2,} (?<![a-z])w{2,}(?=$|[。！!\s]) 草+$ あは+ は{3,}""",
    "sad": "呜{2,} 嗚{2,} うう+ えーん ああ+…",
    "angry": r"\bgr{2,}\b \bar+gh+\b \bugh+\b 哼+",
    "surprised": r"\bwo+w+\b \bwhoa+\b 哇{2,} えええ+ \bwha+t+\?+!+",
}
"""Regular expressions, parted by blanks, for what can be typed at any length."""
