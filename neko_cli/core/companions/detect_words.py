"""Frequent words of languages that share a script, by which a text is told from its neighbours.

The lists are short on purpose: words that nearly every sentence holds one of, and what people say
in a sentence of one or two words. Dutch, Polish, Swedish and Turkish are here so that they are not
taken for one of the others.
"""

from __future__ import annotations

LATIN = {
    "en": """the and is are was were be been to of in that it its it's i i'm you your he she they we my me not
    don't do does did have has had for on with this what how why where when who but as at can can't could
    would will i'll there just so if or an a yes no hello hi hey thanks thank please good morning goodbye
    sorry about instead again from really know think want like let's here now up out some any too very all""",
    "de": """der die das und ist sind war nicht ich du er sie es wir ihr mein dein mir mich dir dich ein eine
    einen einem einer zu den dem des mit auf für von im am wie was wo wer warum wenn dass aber oder auch noch
    schon nur so kein keine haben hat habe bin bist kann kannst wird werden ja nein hallo danke bitte guten
    gute morgen tag abend tschüss sehr gut geht über nach bei aus weil doch mal hier jetzt heute""",
    "fr": """le la les un une des du de et est sont était ne pas je tu il elle nous vous ils elles mon ma mes
    ton ta ce cette ces que qui quoi où pourquoi comment dans en sur avec pour par mais ou aussi très bien
    j'ai c'est n'est d'un d'une l'on qu'il oui non bonjour bonsoir salut merci au aux se sa son ses suis es
    avez ça plus tout fait être avoir peux s'il plaît ici""",
    "es": """el la los las un una unos de del y es son era no yo tú él ella nosotros ustedes mi tu su que qué
    quién cómo dónde por para con en sobre pero o también muy bien está estoy están soy eres tengo tiene hay
    sí hola gracias adiós buenos buenas días noches al lo le se me te más este esta esto eso todo hacer puedo
    cuando porque aquí ahora favor""",
    "pt": """o a os as um uma uns de do da dos das e é são era não eu tu ele ela nós você vocês meu minha seu
    sua que quem como onde por para com em no na nos nas sobre mas ou também muito bem está estou estão sou
    tenho tem há sim olá oi obrigado obrigada adeus bom boa dia noite ao lhe se me te mais este esta isto isso
    tudo fazer posso quando porque aqui agora favor""",
    "it": """il lo la i gli le un uno una di del della dei e è sono era non io tu lui lei noi voi mio mia tuo
    suo che chi cosa come dove perché per con in nel nella su sul ma o anche molto bene sto sta stai ho hai ha
    c'è sì no ciao grazie prego buongiorno buonasera arrivederci al si mi ti più questo questa quello tutto
    fare posso quando qui ora favore""",
    "nl": """de het een en is zijn was niet ik jij je hij zij wij jullie mijn jouw dat die wat waar wie waarom
    hoe met op voor van te in maar of ook nog heb hebt heeft ben bent kan ja nee hallo dank bedankt goed geen
    naar bij uit heel deze dit aan""",
    "pl": """i w na z nie jest są był się ja ty on ona my wy mój moja twój że co kto gdzie dlaczego jak do od
    dla ale lub też bardzo dobrze mam masz ma tak cześć dziękuję proszę dzień dobry to ten ta tego czy już
    po""",
    "sv": """och att det som en ett är var inte jag du han hon vi ni min din på i av för med till men eller
    också mycket bra har hade kan ja nej hej tack vad vem var varför hur från den de om så nu här""",
    "tr": """ve bir bu şu o ben sen biz siz değil için ile ama veya çok iyi var yok evet hayır merhaba
    teşekkürler ne nasıl nerede neden kim mi mı mu gibi daha da de ki benim senin günaydın lütfen şimdi""",
}

CYRILLIC = {
    "ru": """и в не на что я он она оно как это так но мы вы ты они его её мне меня мой с у за по из от бы же
    был была есть да нет привет спасибо пожалуйста здравствуйте доброе утро очень хорошо где кто когда почему
    тебя тебе вас если или уже тоже всё все для сейчас что-то дела пока""",
    "uk": """і в й не на що я він вона воно як це так але ми ви ти вони його її мені мене мій з у за по із від
    би ж був була є та ні привіт дякую будь ласка доброго ранку дуже добре де хто коли чому тебе тобі вас якщо
    або вже теж усе все для зараз справи бувай""",
}

SPECIAL_LETTERS = {
    "de": "ß",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "pl": "łśźżćńęą",
    "tr": "ığş",
    "sv": "å",
    "fr": "œùû",
}
"""Letters and signs that hardly any other of these languages uses."""

ONLY_SIMPLIFIED = frozenset(
    "们这为说时对来个会过还没么样发见现开关头经话间问东车书长门马鱼鸟龙气爱学习乐听认识让给谁请谢帮难买卖语读写"
    "觉岁儿几从众体电脑网机场动应该边远进当实两丽亲园国图圆坏报宝欢热爷妈吗记论设调议证词试误课谈较达运连选递邮钟键闭阳阴队险页项顺须预题验鸡确则标复点无张总战转轻轮软钱银错铁饭饿馆"
    "飞风样级红约纪线组织终结给绝继续维绿罗义乡习产严丧丰临举伟传伤优价华单卫压厅历厂变号叶员响团围块声处备"
    "够夺奋奖妇孙宁审层岛帅师带归录彻忆怀态惊惯愿战护担择拥换损摄据数断旧显晓晕条杂权构枪树桥检欧歼残毁汉汤沟"
)
"""Characters of simplified Chinese that neither traditional Chinese nor Japanese writes."""

SHARED_WITH_JAPANESE = frozenset("国学会体来当点声号写宝条残叶断数担旧")
"""Of the simplified characters, those that Japanese writes in the same way."""

ONLY_TRADITIONAL = frozenset(
    "們這為說時對個會過還沒麼樣發見現開關頭經話間問東車書長門馬魚鳥龍氣愛學習樂聽認識讓給誰請謝幫難買賣語讀寫"
    "覺歲兒幾從眾體電腦網機場動應該邊遠進當實後裡兩麗親園國圖圓壞報寶歡熱爺媽嗎記論設調議證詞試誤課談較達運連選遞郵鐘鍵閉陽陰隊險頁項順須預題驗雞確則標復點無張總戰轉輕輪軟錢銀錯鐵飯餓館"
    "飛風級紅約紀線組織終結絕繼續維綠羅義鄉產嚴喪豐臨舉偉傳傷優價華單衛壓廳歷廠變號葉員響團圍塊聲處備夠奪"
)
"""Characters of traditional Chinese that simplified Chinese does not write; Japanese writes many."""

ONLY_JAPANESE = frozenset(
    "気円図駅発対広応変売読経済戦総転黒実検験価仮単権栄択沢渋続労拝働込辻峠畑匂枠働歩毎悪覚観歓帰拡覧"
    "様顕県両鉄銭録継絵縄聴脳臓荘薬蔵訳辺遅郷酔釈隠雑霊頼髪闘亀歳桜楽帯徳恵戻抜拠挙挿捜"
)
"""Characters of Japanese that neither form of Chinese writes."""
