"""Words that say whether a sentence goes on, by language; for ``finished_text``. Data alone.

Left out is what ends a sentence as well: German ``an`` (mach das Licht an), English ``in`` (come in).
"""

from __future__ import annotations

HESITATIONS = frozenset(
    (
        "um umm uh uhm uhh er erm hm hmm mm mmm ah eh like well äh ähm öh öhm hmmm tja naja also "
        "euh heu ben bah bon este pues bueno em ehm mah allora cioè hã né tipo ну э эм эээ ммм "
        "значит 음 어 그 저 嗯 呃 额 唔 啊 那个 就是 あの あのー あのう えっと ええと えーと えと "
        "うーん んー ええ まあ その"
    ).split()
)
"""The last word of somebody who thinks."""

JOINING = frozenset(
    (
        "and or but because although unless whereas nor und oder aber weil dass denn sondern "
        "obwohl damit falls wenn et ou mais parce puisque donc quand lorsque si que y o pero "
        "porque aunque sino cuando e ed ma perché oppure però quindi quando che mas ou porque "
        "embora en of maar omdat want i ale lub bo ponieważ że и а но или потому что чтобы если "
        "когда 그리고 그런데 하지만 그래서 때문에"
    ).split()
)
"""Something follows, in whatever language it is: what joins two parts of a sentence."""

HANGING = {
    "en": "a an the my your our their its to of for with from at into onto than as if while whose "
    "which very is are was were am i'm it's i've i'd i'll can could would should will",
    "de": "dem den des eine einen einem einer eines mein meine meinen meinem dein deine deinen "
    "deinem unser unsere für von bei gegen ohne seit wegen während sehr ob wie als zum zur "
    "im am ist sind",
    "fr": "le la les un une des du de à au aux mon ma mes ton ta tes son sa ses notre votre leur "
    "pour avec sans dans sur chez très est sont je tu il elle on nous vous",
    "es": "el la los las un una unos unas de del a al mi mis tu tus su sus para con sin por en muy "
    "es son que si",
    "it": "il lo la i gli le un uno una di del della a al alla da dal in nel per con su mio mia "
    "tuo tua molto è",
    "pt": "o a os as um uma uns umas de do da dos das no na ao à para com sem por meu minha seu "
    "sua muito é que se",
    "nl": "de het een mijn jouw zijn haar van voor met naar bij als dat die is",
    "pl": "w we z ze na do od o u po za przez dla jak mój moja jest się nie",
    "ru": "в во с со на к ко о об у от до из за по для без не как мой моя это",
}
"""What a sentence in one language does not end with: articles, prepositions, auxiliaries."""

ABBREVIATIONS = frozenset(
    (
        "mr mrs ms dr prof sr jr st vs nr vol fig approx dept est bzw usw ca evtl ggf inkl vgl "
        "abs art hr fr str tel mio mrd etc env ex m mme mlle sra srta ud uds ing avv sig"
    ).split()
)
"""Words whose dot ends no sentence."""

UNFINISHED_ENDINGS = {
    "zh": "因为 所以 但是 可是 不过 而且 并且 然后 还有 如果 要是 虽然 或者 还是 和 跟 与 把 被 给 "
    "在 比如 就是说",
    "ja": "でも そして しかし だから それで それから けど けれど けれども ので のに から が て で "
    "と し たら れば は を へ に とか たり ながら",
    "ko": "고 서 면 는데 지만 니까요면 거나 려고 은 는 이 가 을 를 에 의 와 과",
}
"""How a text without blanks between its words, or whose words have endings, goes on."""

FINISHED_ENDINGS = {
    "zh": "吗 嗎 吧 怎么样 怎麼樣 好不好 行不行 谢谢 謝謝 再见 再見",
    "ja": "です ます ました ません でした でしょう ですか ますか ましたか ませんか でしょうか "
    "ください 下さい ですよ ですね ますね ますよ ですよね だよね ありがとう",
    "ko": "니다 니까 세요 어요 아요 해요 네요 까요 지요 죠 예요 에요",
    "th": "ครับ ค่ะ คะ จ้ะ",
}
"""How a sentence ends that has no full stop, where its last word tells."""

COMPLETE = frozenset(
    (
        "stop|stop it|stop please|please stop|stop talking|be quiet|go on|please go on|continue|"
        "please continue|say that again|say it again|repeat that|thank you|thanks|"
        "thank you very much|goodbye|good bye|bye bye|good night|good morning|never mind|"
        "what time is it|what's the time|what is the time|how are you|what is your name|"
        "what's your name|who are you|where are you|what day is it|what is the date|help me|stopp|"
        "halt|hör auf|sei still|mach weiter|weiter bitte|noch einmal|noch einmal bitte|danke|"
        "vielen dank|danke schön|auf wiedersehen|gute nacht|guten morgen|guten abend|"
        "wie spät ist es|wie geht es dir|wie heißt du|wer bist du|hilfe|arrête|arrête-toi|tais-toi|"
        "continue s'il te plaît|merci|merci beaucoup|au revoir|bonne nuit|quelle heure est-il|"
        "comment ça va|comment tu t'appelles|qui es-tu|para|cállate|sigue por favor|otra vez|"
        "gracias|muchas gracias|adiós|buenas noches|qué hora es|cómo estás|cómo te llamas|"
        "quién eres|basta|fermati|grazie|grazie mille|arrivederci|buonanotte|che ore sono|"
        "come stai|come ti chiami|chi sei|obrigado|obrigada|tchau|boa noite|que horas são|como vai|"
        "стоп|хватит|спасибо|до свидания|который час|как дела|как тебя зовут"
    ).split("|")
)
"""Short requests and questions that are whole as they stand, of recognisers that write no full stop."""
